//go:build unix

package dataset

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile returns the first size bytes of a file, read when they are touched,
// and what releases them; nil where that is not to be had.
func mapFile(f *os.File, size int64) ([]byte, func() error) {
	if size != int64(int(size)) {
		return nil, nil
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil
	}
	return b, func() error { return unix.Munmap(b) }
}
