package onnxgraph

import (
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A note in the journal is external data about to get its name, or about to be
// removed with the old model. Its size and time tell it from another file of that
// name.
type note struct {
	Name string
	Size int64
	Time int64 // modified, in nanoseconds
}

// record writes into the journal what is about to be named, and what of the old
// model's is about to go, for the next run in case this one is killed amid that.
func (s *saver) record(old []string) error {
	if s.journal == nil {
		return nil
	}
	var list []note
	for _, st := range s.data {
		if !st.free {
			continue
		}
		info, err := st.file.Stat()
		if err != nil {
			return err
		}
		list = append(list, note{filepath.ToSlash(st.name), info.Size(), info.ModTime().UnixNano()})
	}
	for _, name := range old {
		if info, err := s.dir.Lstat(filepath.FromSlash(name)); err == nil && strings.HasPrefix(path.Base(name), s.ownPrefix()) {
			list = append(list, note{name, info.Size(), info.ModTime().UnixNano()})
		}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if _, err := s.journal.file.Write(b); err != nil {
		return err
	}
	return s.journal.file.Sync()
}

// sweep removes what runs to the same output left that were killed: temporary
// files that nobody has locked, and external data of theirs that no model file
// came to refer to.
func (s *saver) sweep() {
	d, err := s.dir.Open(".")
	if err != nil {
		return
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return
	}
	slices.Sort(names)
	for _, name := range names {
		tag, ours := strings.CutPrefix(name, s.tempPrefix())
		tag, whole := strings.CutSuffix(tag, tempSuffix)
		if ours && whole && isTag(tag) {
			s.sweepOne(name)
		}
	}
}

// isTag reports whether a text is what begin puts into the names of temporary
// files: eight letters or digits, and a kind.
func isTag(s string) bool {
	tag, kind, more := strings.Cut(s, ".")
	if len(tag) != 8 || more && kind != journalKind[1:] && strings.Trim(kind, "0123456789") != "" {
		return false
	}
	return strings.Trim(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func (s *saver) sweepOne(temp string) {
	info, err := s.dir.Lstat(temp)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := s.dir.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if !tryLock(f) {
		return // its process lives
	}
	if strings.HasSuffix(temp, journalKind+tempSuffix) {
		s.undo(f)
	}
	s.dir.Remove(temp)
}

// undo removes the external data that a journal lists and no model refers to.
func (s *saver) undo(journal io.Reader) {
	var list []note
	if json.NewDecoder(io.LimitReader(journal, 1<<20)).Decode(&list) != nil {
		return
	}
	now := s.references(s.base)
	for _, e := range list {
		info, err := s.dir.Lstat(filepath.FromSlash(e.Name))
		if err == nil && info.Size() == e.Size && info.ModTime().UnixNano() == e.Time && !slices.Contains(now, e.Name) {
			s.remove(e.Name)
			s.removeFolder(path.Dir(e.Name))
		}
	}
}

// removeFolder removes folders that are empty now.
func (s *saver) removeFolder(folder string) {
	for ; folder != "."; folder = path.Dir(folder) {
		if s.dir.Remove(filepath.FromSlash(folder)) != nil {
			return
		}
	}
}
