//go:build !noort && (linux || darwin) && (amd64 || arm64)

package ort

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// openLibrary opens the shared library at path. It is never closed: ONNX
// Runtime keeps threads that may outlive every session.
func openLibrary(path string) (uintptr, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, fmt.Errorf("ort: cannot open %s: %w", path, err)
	}
	return handle, nil
}

func findSymbol(library uintptr, name string) (uintptr, error) {
	return purego.Dlsym(library, name)
}

// callC calls a C function that takes and returns integers and pointers.
//
//go:uintptrescapes
func callC(fn uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(fn, args...)
	return r
}

// cPath returns a file's path in the characters that ONNX Runtime takes paths in.
func cPath(path string) ([]byte, error) { return cString(path) }
