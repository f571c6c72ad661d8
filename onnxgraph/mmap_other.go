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
