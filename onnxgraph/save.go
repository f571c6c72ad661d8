package onnxgraph

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// SaveOptions says what Save may do.
type SaveOptions struct {
	Force  bool     // replace existing files
	Inputs []string // more files that must not be replaced, Force or not
}

// Save writes the model to a file, and the external data it refers to into the
// same folder: under the names they have, or, where a name is taken, behind the
// name of the model file ("out.weights.bin" for out.onnx), which the model file
// then refers to.
//
// Everything is written to temporary files and renamed when it is complete, the
// model file last, so that a failed Save leaves nothing behind. A file the model
// was loaded from is never replaced, whatever link leads to it; other existing
// files only with Force.
func (m *Model) Save(name string, opts SaveOptions) error {
	if err := m.save(name, opts); err != nil {
		return fmt.Errorf("save model: %s: %w", name, err)
	}
	return nil
}

func (m *Model) save(name string, opts SaveOptions) error {
	if err := m.file.alive(); err != nil {
		return err
	}
	files, err := m.dataFiles()
	if err != nil {
		return err
	}
	inputs, err := m.inputs(opts.Inputs)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	s := &saver{dir: dir, force: opts.Force, inputs: inputs}
	defer s.discard()
	base := filepath.Base(name)
	if err := s.allow(base); err != nil {
		return err
	}
	moved, err := m.file.saveExternal(s, base, files)
	if err != nil {
		return err
	}
	p, err := m.patch(moved)
	if err != nil {
		return err
	}
	if err := s.stage(base, p); err != nil {
		return err
	}
	return s.commit()
}

// inputs returns the files that may not be replaced: those that were read, and
// more.
func (m *Model) inputs(more []string) ([]os.FileInfo, error) {
	var out []os.FileInfo
	if m.file.info != nil {
		out = append(out, m.file.info)
	}
	for _, name := range more {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	m.file.mu.Lock()
	defer m.file.mu.Unlock()
	for _, c := range m.file.external {
		out = append(out, c.info)
	}
	return out, nil
}

// A saver writes files into a folder, all of them or none.
type saver struct {
	dir     *os.Root
	force   bool
	inputs  []os.FileInfo
	staged  []staged
	folders []string // made on the way
}

// A staged file is complete under a temporary name.
type staged struct {
	temp, name string
	done       bool // renamed to a name that was free
}

// allow returns an error when a file of this name must not be written.
func (s *saver) allow(name string) error {
	info, err := s.dir.Lstat(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		// A link out of the folder is followed only to compare.
		if target, err := os.Stat(filepath.Join(s.dir.Name(), filepath.FromSlash(name))); err == nil {
			info = target
		}
	}
	for _, in := range s.inputs {
		if os.SameFile(in, info) {
			return fmt.Errorf("%s is one of the files being read", name)
		}
	}
	switch {
	case info.IsDir():
		return fmt.Errorf("%s is a folder", name)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%s is not a regular file", name)
	case !s.force:
		return fmt.Errorf("%s: %w", name, fs.ErrExist)
	}
	return nil
}

// stage writes a file under a temporary name beside its own.
func (s *saver) stage(name string, content io.WriterTo) (err error) {
	folder := path.Dir(name)
	if err := s.mkdir(folder); err != nil {
		return err
	}
	temp := filepath.FromSlash(path.Join(folder, "."+path.Base(name)+"."+rand.Text()[:8]+".tmp"))
	f, err := s.dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	s.staged = append(s.staged, staged{temp: temp, name: filepath.FromSlash(name)})
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<16)
	if _, err := content.WriteTo(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// mkdir makes the folders of a name that are not there yet.
func (s *saver) mkdir(folder string) error {
	if folder == "." {
		return nil
	}
	made := ""
	for part := range strings.SplitSeq(folder, "/") {
		made = path.Join(made, part)
		err := s.dir.Mkdir(filepath.FromSlash(made), 0o777)
		if err == nil {
			s.folders = append(s.folders, made)
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// commit gives the staged files their names, in the order they were staged.
func (s *saver) commit() error {
	for i, f := range s.staged {
		_, err := s.dir.Lstat(f.name)
		free := errors.Is(err, fs.ErrNotExist)
		if !free && !s.force {
			return fmt.Errorf("%s: %w", f.name, fs.ErrExist)
		}
		if err := s.dir.Rename(f.temp, f.name); err != nil {
			return err
		}
		s.staged[i].temp, s.staged[i].done = "", free
	}
	s.staged, s.folders = nil, nil
	return nil
}

// discard removes what a failed save has written.
func (s *saver) discard() {
	for _, f := range s.staged {
		switch {
		case f.temp != "":
			s.dir.Remove(f.temp)
		case f.done:
			s.dir.Remove(f.name)
		}
	}
	for i := len(s.folders) - 1; i >= 0; i-- {
		s.dir.Remove(filepath.FromSlash(s.folders[i]))
	}
}
