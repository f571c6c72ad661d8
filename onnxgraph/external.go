package onnxgraph

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// A reference says where a tensor with external data keeps it.
type reference struct {
	location string // slash-separated, below the model's folder
	offset   int64
	length   int64 // -1 when the file does not say
	checksum bool  // the file gives one
}

// isExternal reports whether t keeps its data in another file.
func isExternal(t *onnxpb.TensorProto) bool {
	return t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL
}

// parseReference reads the external_data of a tensor.
func parseReference(t *onnxpb.TensorProto) (reference, error) {
	r := reference{length: -1}
	for _, e := range t.GetExternalData() {
		var err error
		switch e.GetKey() {
		case "location":
			r.location = e.GetValue()
			err = checkLocation(r.location)
		case "offset":
			r.offset, err = parseCount(e.GetValue())
		case "length":
			r.length, err = parseCount(e.GetValue())
		case "checksum":
			r.checksum = true
		}
		if err != nil {
			return r, fmt.Errorf("external data, %s %q: %w", e.GetKey(), e.GetValue(), err)
		}
	}
	if r.location == "" {
		return r, errors.New("external data without a location")
	}
	return r, nil
}

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, errors.New("not a number of bytes")
	}
	return int64(n), nil
}

// checkLocation accepts relative paths that stay below the model's folder, in
// the form every system reads the same way.
func checkLocation(s string) error {
	switch {
	case s == "":
		return errors.New("no file name")
	case strings.ContainsAny(s, "\\:\x00"):
		return errors.New("only slash-separated relative paths are read")
	case strings.Contains(s, "*/_ORT_MEM_ADDR_/*"):
		return errors.New("an address in the memory of another program")
	case strings.HasPrefix(s, "/"), slices.Contains(strings.Split(s, "/"), ".."), !filepath.IsLocal(filepath.FromSlash(s)):
		return errors.New("it leads out of the model's folder")
	}
	return nil
}

// open returns the contents of an external file, mapped once.
func (f *store) open(location string) (*contents, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("the model was closed")
	}
	if c := f.external[location]; c != nil {
		return c, nil
	}
	if f.dir == "" {
		return nil, fmt.Errorf("external data in %q, and no folder is known to read it from", location)
	}
	if f.root == nil {
		r, err := os.OpenRoot(f.dir)
		if err != nil {
			return nil, err
		}
		f.root = r
	}
	fl, err := f.root.OpenFile(filepath.FromSlash(location), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	defer fl.Close()
	c, err := readContents(fl)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	if links(c.info) > 1 {
		return nil, errors.Join(fmt.Errorf("external data: %s has another name, which may lie outside of the model's folder (a hard link); a copy of it is read", location), c.release())
	}
	f.external[location] = c
	f.hold(c)
	return c, nil
}

// read returns the bytes a reference names, which must be size many.
func (f *store) read(r reference, size int) ([]byte, error) {
	if r.length >= 0 && r.length != int64(size) {
		return nil, fmt.Errorf("external data of %d bytes, its type and shape need %d", r.length, size)
	}
	if r.offset > math.MaxInt64-int64(size) {
		return nil, fmt.Errorf("external data at byte %d of %q", r.offset, r.location)
	}
	c, err := f.open(r.location)
	if err != nil {
		return nil, err
	}
	lo, hi := r.offset, r.offset+int64(size)
	if hi > int64(len(c.data)) {
		return nil, fmt.Errorf("external data in bytes %d to %d of %q, which has %d", lo, hi, r.location, len(c.data))
	}
	return c.data[lo:hi:hi], nil
}
