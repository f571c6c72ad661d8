//go:build noort || !((linux || darwin || windows) && (amd64 || arm64))

package ort

import (
	"fmt"
	"runtime"
)

// openLibrary reports that this program was built without ONNX Runtime.
func openLibrary(string) (uintptr, error) {
	return 0, fmt.Errorf("%w: this program was built without it (%s/%s)", ErrNotFound, runtime.GOOS, runtime.GOARCH)
}

func findSymbol(uintptr, string) (uintptr, error) { return openLibrary("") }

func callC(uintptr, ...uintptr) uintptr { return 0 }

func cPath(path string) ([]byte, error) { return cString(path) }
