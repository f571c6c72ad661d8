package onnxgraph

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A saver writes a model file and its data into a folder, all of them or none.
type saver struct {
	dir     *os.Root
	base    string // name of the model file
	force   bool
	inputs  []os.FileInfo
	ctx     context.Context
	model   *staged
	data    []*staged
	journal *staged
	folders []string // made on the way
}

// A staged file is one under a temporary name. It is locked as long as it is
// open, by which others tell it from what a killed process left.
type staged struct {
	temp string
	file *os.File
	name string // what it is to be called; "" for nothing: it is not needed
	free bool   // the name was free when it was given
}

func newSaver(name string, opts SaveOptions, inputs []os.FileInfo) (*saver, error) {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	s := &saver{dir: dir, base: filepath.Base(name), force: opts.Force, inputs: inputs, ctx: opts.Context}
	if s.ctx == nil {
		s.ctx = context.Background()
	}
	return s, nil
}

// begin removes what killed runs left, and makes the temporary files.
func (s *saver) begin(files int) error {
	return s.locked(func() error {
		s.sweep()
		tag := s.tempPrefix() + rand.Text()[:8]
		open := func(kind string) (*staged, error) {
			st := &staged{temp: tag + kind + tempSuffix}
			f, err := s.dir.OpenFile(st.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
			if err != nil {
				return nil, err
			}
			st.file = f
			tryLock(f)
			return st, nil
		}
		var err error
		if s.model, err = open(""); err != nil {
			return err
		}
		for i := range files {
			d, err := open("." + strconv.Itoa(i))
			if err != nil {
				return err
			}
			s.data = append(s.data, d)
		}
		if files > 0 {
			s.journal, err = open(journalKind)
		}
		return err
	})
}

// Writable finds out, by making a file and removing it, whether Save could write
// into the folder of a name.
func Writable(name string) error {
	temp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+rand.Text()[:8]+tempSuffix)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	f.Close()
	os.Remove(temp) // another Save may have swept it
	return nil
}

const (
	tempSuffix  = ".tmp"
	journalKind = ".journal"
)

// tempPrefix is what the names of temporary files of this output begin with.
func (s *saver) tempPrefix() string { return "." + s.base + "." }

// locked runs f while no other process saves into the folder, as far as the
// folder can be opened.
func (s *saver) locked(f func() error) error {
	d, err := s.dir.Open(".")
	if err != nil {
		return f()
	}
	defer d.Close() // unlocks
	lock(d)
	return f()
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
	switch {
	case s.isInput(info):
		return fmt.Errorf("%s is one of the files being read", name)
	case info.IsDir():
		return fmt.Errorf("%s is a folder", name)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%s is not a regular file", name)
	case !s.force:
		return fmt.Errorf("%s: %w", name, fs.ErrExist)
	}
	return nil
}

func (s *saver) isInput(info os.FileInfo) bool {
	for _, in := range s.inputs {
		if os.SameFile(in, info) {
			return true
		}
	}
	return false
}

// write fills a temporary file and sees it onto the disk.
func (s *saver) write(st *staged, content io.WriterTo) error {
	w := bufio.NewWriterSize(&watched{s.ctx, st.file}, 1<<16)
	if _, err := content.WriteTo(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return st.file.Sync()
}

// writeOne writes a file that has no external data.
func (s *saver) writeOne(content func(io.Writer) error) error {
	if err := s.allow(s.base); err != nil {
		return err
	}
	if err := s.begin(0); err != nil {
		return err
	}
	if err := s.write(s.model, writing(content)); err != nil {
		return err
	}
	return s.locked(func() error {
		if err := s.allow(s.base); err != nil {
			return err
		}
		s.model.name = s.base
		if err := s.rename(s.model); err != nil {
			return err
		}
		return s.sync(nil)
	})
}

// writing is a function that writes, as an io.WriterTo that does not count.
type writing func(io.Writer) error

func (f writing) WriteTo(w io.Writer) (int64, error) { return 0, f(w) }

// watched is a writer that fails when a context has ended.
type watched struct {
	ctx context.Context
	w   io.Writer
}

func (w *watched) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}

// content reads a staged file from its beginning.
func (st *staged) content() io.Reader { return io.NewSectionReader(st.file, 0, 1<<62) }

// digest names the content of a staged file.
func (st *staged) digest() (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, st.content())
	return hex.EncodeToString(h.Sum(nil))[:12], err
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

// close removes what is still temporary.
func (s *saver) close() error {
	for _, st := range append([]*staged{s.model, s.journal}, s.data...) {
		if st == nil {
			continue
		}
		if st.temp != "" {
			s.dir.Remove(st.temp)
		}
		st.file.Close()
	}
	for i := len(s.folders) - 1; i >= 0; i-- { // those that are in use stay
		s.dir.Remove(filepath.FromSlash(s.folders[i]))
	}
	return s.dir.Close()
}
