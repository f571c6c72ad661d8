//go:build !unix

package onnxgraph

import (
	"io"
	"os"
)

const nonblock = 0

// unload does nothing: files are not mapped.
func unload([]byte) {}

// mapFile reads the first size bytes of a file.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(f, b)
	return b, func() error { return nil }, err
}

// Without locks every temporary file is taken for one in use.

func lock(*os.File)         {}
func tryLock(*os.File) bool { return false }

// closeToRename says that files are closed before they are renamed.
const closeToRename = true

func syncFolder(*os.File) error { return nil }

func links(os.FileInfo) uint64 { return 1 }
