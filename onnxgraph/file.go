package onnxgraph

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// mapFrom is the size in bytes from which files are mapped rather than read.
const mapFrom = 1 << 20

// A contents is the bytes of a file on disk, and which file it is.
type contents struct {
	data    []byte
	info    os.FileInfo
	mapped  bool
	release func() error
}

// readContents reads or maps an open file. Only regular files have contents: a
// device or a pipe may never end.
func readContents(f *os.File) (*contents, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("not a regular file")}
	}
	if info.Size() > maxInt {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("too large for this machine")}
	}
	c := &contents{info: info, release: func() error { return nil }}
	if size := int(info.Size()); size >= mapFrom {
		c.data, c.release, err = mapFile(f, size)
		c.mapped = err == nil
	} else {
		c.data = make([]byte, size)
		_, err = io.ReadFull(f, c.data)
	}
	return c, err
}

// A file is the bytes of a model, where its tensors are in them, and what Edit
// has changed. It is shared by the models that have its graph.
type file struct {
	*store
	frames []frame
	sites  []site
	edits  []edit // what Edit has changed, but for the weights it added
}

// A store is the bytes a model was read from. It is shared by all models made
// from it and safe for concurrent use.
type store struct {
	path string // "" for bytes from memory
	dir  string // folder of external data; "" for none
	data []byte
	info os.FileInfo // nil for bytes from memory

	mu       sync.Mutex
	closed   bool
	root     *os.Root
	external map[string]*contents
	release  []func() error
	maps     [][]byte
}

// openFile reads or maps a model file and finds its tensors.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := readContents(f)
	if err != nil {
		return nil, err
	}
	fl, err := newFile(c.data, filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(err, c.release())
	}
	fl.path, fl.info = path, c.info
	fl.hold(c)
	return fl, nil
}

// newFile finds the tensors of a model file.
func newFile(data []byte, dir string) (*file, error) {
	s, err := scan(data)
	if err != nil {
		return nil, fmt.Errorf("not an ONNX file, or a damaged one: %w", err)
	}
	st := &store{dir: dir, data: data, external: map[string]*contents{}}
	return &file{store: st, frames: s.frames, sites: s.sites}, nil
}

// close releases the maps.
func (f *store) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	var errs []error
	for _, r := range f.release {
		errs = append(errs, r())
	}
	if f.root != nil {
		errs = append(errs, f.root.Close())
	}
	f.data, f.external, f.release, f.maps = nil, nil, nil, nil
	return errors.Join(errs...)
}

// hold takes over the release of a file's contents.
func (f *store) hold(c *contents) {
	f.release = append(f.release, c.release)
	if c.mapped {
		f.maps = append(f.maps, c.data)
	}
}

// alive returns an error when the file was closed.
func (f *store) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("the model was closed")
	}
	return nil
}

// header returns tensor i without its payload.
func (f *file) header(i int) (*onnxpb.TensorProto, error) {
	if a := f.sites[i].added; a != nil {
		return a.header(), nil
	}
	at := f.frames[f.sites[i].frame].span
	var b []byte
	for _, r := range f.sites[i].runs {
		b = append(b, f.data[at.lo:r.lo]...)
		at.lo = r.hi
	}
	b = append(b, f.data[at.lo:at.hi]...)
	t := new(onnxpb.TensorProto)
	return t, proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, t)
}
