package onnxgraph

import (
	"io"
	"os"
	"unsafe"
)

// Forget says that bytes which Bytes returned are not needed for now: where they
// are part of a mapped file, its pages leave the process's memory. They stay
// valid, and are read again when they are touched.
func (m *Model) Forget(b []byte) { m.file.forget(b) }

// forgetFrom is the size in bytes from which parts of a map are let go.
const forgetFrom = 1 << 18

func (f *store) forget(b []byte) {
	if len(b) < forgetFrom {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for _, m := range f.maps {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
		if base <= at && at+uintptr(len(b)) <= base+uintptr(len(m)) {
			lo := int(at - base)
			unload(m[lo/pageSize*pageSize : lo+len(b)])
		}
	}
}

var pageSize = os.Getpagesize()

// copyOut writes part of a file and lets it go as it does.
func (f *store) copyOut(w io.Writer, b []byte) (int, error) {
	const chunk = 4 << 20
	done := 0
	for len(b) > 0 {
		part := b[:min(chunk, len(b))]
		n, err := w.Write(part)
		if done += n; err != nil {
			return done, err
		}
		f.forget(part)
		b = b[len(part):]
	}
	return done, nil
}
