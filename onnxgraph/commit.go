package onnxgraph

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// nameExternal gives the staged external files names and returns what changes in
// the model file for that; not nil, even when nothing does.
func (f *file) nameExternal(s *saver, files []*dataFile) ([]edit, error) {
	edits := []edit{}
	taken := map[string]bool{s.base: true}
	for i, d := range files {
		name, err := s.pick(s.data[i], d.name, taken)
		if err != nil {
			return nil, err
		}
		d.name = name
		for _, u := range d.uses {
			edits = append(edits, f.relocate(u, d)...)
		}
	}
	return edits, nil
}

// pick finds a name for staged external data: its own, or behind the model's
// name, or with a digest of its content, which no other content has. A name is
// good when it is free, or when the very same content has it already, so that
// saving twice gives one result.
func (s *saver) pick(st *staged, name string, taken map[string]bool) (string, error) {
	folder, base := path.Split(name)
	own := s.ownPrefix()
	for _, try := range []string{name, folder + own + base, ""} {
		if try == "" {
			digest, err := st.digest()
			if err != nil {
				return "", err
			}
			try = folder + own + digest + "." + base
		}
		if taken[try] {
			continue
		}
		info, err := s.dir.Lstat(filepath.FromSlash(try))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			st.free = true
		case err != nil:
			return "", err
		case !info.Mode().IsRegular() || s.isInput(info) || !s.holds(try, st):
			continue
		}
		taken[try] = true
		st.name = filepath.FromSlash(try)
		return try, nil
	}
	return "", &fs.PathError{Op: "create", Path: name, Err: errors.New("no name is free for external data")}
}

// ownPrefix is what the names of external data begin with that belong to this
// model file and no other.
func (s *saver) ownPrefix() string { return strings.TrimSuffix(s.base, path.Ext(s.base)) + "." }

// holds reports whether a file has the content that was staged.
func (s *saver) holds(name string, st *staged) bool {
	f, err := s.dir.Open(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	defer f.Close()
	a, err := f.Stat()
	b, err2 := st.file.Stat()
	return err == nil && err2 == nil && a.Size() == b.Size() && links(a) == 1 &&
		sameContent(f, st.content())
}

// sameContent compares readers of one length.
func sameContent(a, b io.Reader) bool {
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(a, x)
		m, err2 := io.ReadFull(b, y)
		if n != m || !bytes.Equal(x[:n], y[:n]) {
			return false
		}
		if err != nil || err2 != nil {
			return err == io.EOF || err == io.ErrUnexpectedEOF
		}
	}
}

// commit gives the staged files their names: external data first, then the model
// file, which is the moment when the new model takes the place of the old one.
func (s *saver) commit() (err error) {
	old := s.references(s.base)
	if err := s.record(old); err != nil {
		return err
	}
	var named []*staged
	defer func() {
		if err != nil { // the old model is still there
			for _, st := range named {
				s.dir.Remove(st.name)
			}
		}
	}()
	for _, st := range s.data {
		if !st.free {
			continue
		}
		if err := s.mkdir(path.Dir(filepath.ToSlash(st.name))); err != nil {
			return err
		}
		if err := s.rename(st); err != nil {
			return err
		}
		named = append(named, st)
	}
	if err := s.sync(named); err != nil {
		return err
	}
	s.model.name = s.base
	if err := s.rename(s.model); err != nil {
		return err
	}
	named, s.folders = nil, nil
	s.drop(old, s.references(s.base))
	return s.sync(nil)
}

// rename gives a staged file its name.
func (s *saver) rename(st *staged) error {
	if closeToRename {
		st.file.Close()
	}
	if err := s.dir.Rename(st.temp, st.name); err != nil {
		return err
	}
	st.temp = ""
	return nil
}

// sync sees the names of files onto the disk.
func (s *saver) sync(named []*staged) error {
	folders := []string{"."}
	for _, st := range named {
		if d := filepath.Dir(st.name); !slices.Contains(folders, d) {
			folders = append(folders, d)
		}
	}
	for _, name := range folders {
		d, err := s.dir.Open(name)
		if errors.Is(err, fs.ErrPermission) {
			continue // it may be written to, but not read
		}
		if err != nil {
			return err
		}
		err = syncFolder(d)
		if err = errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the external data of the model that was replaced, as far as it
// bears its name.
func (s *saver) drop(old, now []string) {
	for _, name := range old {
		if strings.HasPrefix(path.Base(name), s.ownPrefix()) && !slices.Contains(now, name) {
			s.remove(name)
		}
	}
}

// remove removes a regular file that is no input.
func (s *saver) remove(name string) {
	info, err := s.dir.Lstat(filepath.FromSlash(name))
	if err == nil && info.Mode().IsRegular() && !s.isInput(info) {
		s.dir.Remove(filepath.FromSlash(name))
	}
}

// references lists the external files that a model file in the folder refers to;
// none if it is no model.
func (s *saver) references(name string) []string {
	m, err := Load(filepath.Join(s.dir.Name(), name))
	if err != nil {
		return nil
	}
	defer m.Close()
	return m.file.locations()
}

// locations lists the external files that tensors refer to, each once.
func (f *file) locations() []string {
	var out []string
	for i, site := range f.sites {
		if !site.external {
			continue
		}
		t, err := f.header(i)
		if err != nil || !isExternal(t) {
			continue
		}
		if r, err := parseReference(t); err == nil && !slices.Contains(out, path.Clean(r.location)) {
			out = append(out, path.Clean(r.location))
		}
	}
	return out
}

// externalFiles returns the paths of the external files that are there.
func (f *file) externalFiles(dir string) []string {
	var out []string
	for _, l := range f.locations() {
		if p := filepath.Join(dir, filepath.FromSlash(l)); exists(p) {
			out = append(out, p)
		}
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
