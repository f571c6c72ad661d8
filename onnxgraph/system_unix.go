//go:build unix

package onnxgraph

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// unload lets the pages of part of a map go. They are read again when they are
// touched.
func unload(b []byte) { unix.Madvise(b, unix.MADV_DONTNEED) }

// nonblock keeps the opening of a pipe from waiting for its other end.
const nonblock = unix.O_NONBLOCK

// mapFile returns the first size bytes of a file, read when they are touched,
// and what releases them.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return b, func() error { return unix.Munmap(b) }, nil
}

// lock waits until nobody else has locked f; where locks are not to be had it
// does without. Closing f ends it.
func lock(f *os.File) {
	for unix.Flock(int(f.Fd()), unix.LOCK_EX) == unix.EINTR {
	}
}

// closeToRename says that files are closed before they are renamed.
const closeToRename = false

// tryLock locks f unless somebody else has.
func tryLock(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }

// syncFolder sees the names in a folder onto the disk.
func syncFolder(d *os.File) error {
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// links returns how many names a file has.
func links(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
