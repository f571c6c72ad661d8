//go:build !noort && windows && (amd64 || arm64)

package ort

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/windows"
)

// openLibrary opens the DLL at path; the libraries it needs are searched for in
// its own folder first. It is never closed: ONNX Runtime keeps threads that may
// outlive every session.
func openLibrary(path string) (uintptr, error) {
	handle, err := windows.LoadLibraryEx(path, 0, windows.LOAD_WITH_ALTERED_SEARCH_PATH)
	if err != nil {
		return 0, fmt.Errorf("ort: cannot open %s: %w", path, err)
	}
	return uintptr(handle), nil
}

func findSymbol(library uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(library), name)
}

// callC calls a C function that takes and returns integers and pointers.
//
//go:uintptrescapes
func callC(fn uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(fn, args...)
	return r
}

// cPath returns a file's path in the characters that ONNX Runtime takes paths
// in: UTF-16 on Windows.
func cPath(path string) ([]byte, error) {
	wide, err := windows.UTF16FromString(path)
	if err != nil {
		return nil, fmt.Errorf("ort: the path %q: %w", path, err)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&wide[0])), 2*len(wide)), nil
}
