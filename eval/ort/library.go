package ort

import (
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"
)

// A Library is an opened ONNX Runtime. It is safe for concurrent use and lives
// as long as the program.
type Library struct {
	Path    string // the shared library's file
	Version string // "1.22.0"

	table     [tableLength]uintptr
	env       uintptr // OrtEnv
	memory    uintptr // OrtMemoryInfo of main memory
	allocator uintptr // OrtAllocator of main memory
}

var (
	libraries   = map[string]*Library{}
	librariesMu sync.Mutex
)

// Load opens the ONNX Runtime that [Find] finds for path: "" for the usual
// places. A library is opened once; later calls return the same Library.
func Load(path string) (*Library, error) {
	file, err := Find(path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	librariesMu.Lock()
	defer librariesMu.Unlock()
	if l := libraries[file]; l != nil {
		return l, nil
	}
	l, err := open(file)
	if err != nil {
		return nil, err
	}
	libraries[file] = l
	return l, nil
}

// apiBase is struct OrtApiBase of onnxruntime_c_api.h.
type apiBase struct {
	getAPI           uintptr
	getVersionString uintptr
}

func open(file string) (*Library, error) {
	handle, err := openLibrary(file)
	if err != nil {
		return nil, err
	}
	entry, err := findSymbol(handle, "OrtGetApiBase")
	if err != nil || entry == 0 {
		return nil, fmt.Errorf("ort: %s is not an ONNX Runtime library: it has no OrtGetApiBase", file)
	}
	base := (*apiBase)(pointer(callC(entry)))
	if base == nil {
		return nil, fmt.Errorf("ort: %s: OrtGetApiBase returned nothing", file)
	}
	l := &Library{Path: file, Version: goString(callC(base.getVersionString), 256)}
	table := callC(base.getAPI, tableVersion)
	if table == 0 {
		return nil, fmt.Errorf("ort: %s (version %s) does not offer version %d of its C functions", file, l.Version, tableVersion)
	}
	l.table = *(*[tableLength]uintptr)(pointer(table))
	if err := l.start(); err != nil {
		return nil, fmt.Errorf("ort: starting %s: %w", file, err)
	}
	return l, nil
}

// start creates what all sessions share. Messages below fatal are not logged to
// stderr: each of them is also returned as an error.
func (l *Library) start() error {
	name, err := cString("onnx-rebasin")
	if err != nil {
		return err
	}
	if l.env, err = l.create(fnCreateEnv, logFatal, uintptr(unsafe.Pointer(&name[0]))); err != nil {
		return err
	}
	if err := l.call(fnDisableTelemetryEvents, l.env); err != nil {
		return err
	}
	if l.memory, err = l.create(fnCreateCPUMemoryInfo, arenaAllocator, memTypeDefault); err != nil {
		return err
	}
	l.allocator, err = l.create(fnGetAllocatorWithDefaultOptions)
	return err
}
