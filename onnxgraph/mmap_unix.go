//go:build unix

package onnxgraph

import (
	"os"

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
