package onnxgraph

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
)

// A dataFile is an external file that the model refers to, and what becomes of
// it.
type dataFile struct {
	name     string // where it is saved
	store    *store
	old      []byte
	uses     []*dataUse
	appended int64     // where the appended data ends
	sum      hash.Hash // of what was written, if the model gives a checksum
}

// A dataUse is one tensor's part of an external file.
type dataUse struct {
	site    int
	ref     reference
	size    int64
	content Content // nil when the tensor is not replaced
	at      int64   // where it is saved
	weight  string
	inPlace bool // content goes where the old data was
}

func (u *dataUse) end() int64 { return u.ref.offset + u.size }

// dataFiles opens the external files of the model, in the order of their first
// use.
func (m *Model) dataFiles() ([]*dataFile, error) {
	contents := map[int]*Weight{}
	for w := range m.contents {
		if err := m.check(w); err != nil {
			return nil, fmt.Errorf("weight %q: %w", w.Name, err)
		}
		contents[w.index] = w
	}
	byName := map[string]*dataFile{}
	var files []*dataFile
	for i, site := range m.file.sites {
		if !site.external {
			continue
		}
		u, err := m.file.dataUse(i)
		if err != nil {
			return nil, err
		}
		if u == nil {
			continue
		}
		if w := contents[i]; w != nil {
			u.content = func() ([]byte, error) { return m.Bytes(w) }
		}
		name := path.Clean(u.ref.location)
		if byName[name] == nil {
			c, err := m.file.open(u.ref.location)
			if err != nil {
				return nil, err
			}
			byName[name] = &dataFile{name: name, store: m.file.store, old: c.data}
			files = append(files, byName[name])
		}
		byName[name].uses = append(byName[name].uses, u)
	}
	return files, nil
}

// dataUse returns where tensor i keeps its data, or nil when that is in the
// model file.
func (f *file) dataUse(i int) (*dataUse, error) {
	t, err := f.header(i)
	if err != nil || !isExternal(t) {
		return nil, err
	}
	u := &dataUse{site: i, weight: t.GetName()}
	if u.ref, err = parseReference(t); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	w := Weight{Type: DataType(t.GetDataType()), Shape: t.GetDims()}
	if err := checkShape(w.Type, w.Shape); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	u.size, u.at = int64(w.size()), u.ref.offset
	if w.Type.Bits() == 0 { // a type unknown here, carried as it is
		u.size = max(u.ref.length, 0)
	}
	if _, err := f.read(u.ref, int(u.size)); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	return u, nil
}

// place decides where the replaced tensors go: where they were, unless another
// tensor that is to hold other numbers uses some of the same bytes; then to the
// end.
func (f *dataFile) place() error {
	slices.SortStableFunc(f.uses, func(a, b *dataUse) int {
		return cmp.Or(cmp.Compare(a.ref.offset, b.ref.offset), cmp.Compare(a.end(), b.end()))
	})
	f.appended = int64(len(f.old))
	for lo := 0; lo < len(f.uses); {
		hi, end := lo+1, f.uses[lo].end()
		for hi < len(f.uses) && f.uses[hi].ref.offset < end {
			end = max(end, f.uses[hi].end())
			hi++
		}
		group := f.uses[lo:hi] // tensors that share bytes, directly or by others
		lo = hi
		same, err := agree(group)
		if err != nil {
			return err
		}
		for i, u := range group {
			switch {
			case u.content == nil:
			case same:
				u.inPlace = i == 0
			default:
				f.appended = (f.appended + alignment - 1) / alignment * alignment
				u.at = f.appended
				f.appended += u.size
			}
		}
	}
	return nil
}

// agree reports whether tensors that share bytes are the same part of the file
// and are all to hold the same numbers.
func agree(group []*dataUse) (bool, error) {
	first := group[0]
	if len(group) == 1 {
		return true, nil
	}
	for _, u := range group {
		if u.content == nil || u.ref.offset != first.ref.offset || u.size != first.size {
			return false, nil
		}
	}
	want, err := first.content()
	if err != nil {
		return false, err
	}
	for _, u := range group[1:] {
		if b, err := u.content(); err != nil || !bytes.Equal(b, want) {
			return false, err
		}
	}
	return true, nil
}

// WriteTo writes the file with the replaced tensors, one at a time.
func (f *dataFile) WriteTo(w io.Writer) (int64, error) {
	f.sum = sha1.New()
	if slices.ContainsFunc(f.uses, func(u *dataUse) bool { return u.ref.checksum }) {
		w = io.MultiWriter(w, f.sum)
	}
	done := int64(0)
	put := func(b []byte) error {
		n, err := f.store.copyOut(w, b)
		done += int64(n)
		return err
	}
	content := func(u *dataUse) error {
		b, err := u.content()
		if err != nil {
			return err
		}
		if err := sizeError(len(b), int(u.size)); err != nil {
			return fmt.Errorf("tensor %q: %w", u.weight, err)
		}
		return put(b)
	}
	for _, u := range f.uses {
		if !u.inPlace {
			continue
		}
		if err := errors.Join(put(f.old[done:u.at]), content(u)); err != nil {
			return done, err
		}
	}
	if err := put(f.old[done:]); err != nil {
		return done, err
	}
	for _, u := range f.uses {
		if u.at == u.ref.offset {
			continue
		}
		if err := errors.Join(put(make([]byte, u.at-done)), content(u)); err != nil {
			return done, err
		}
	}
	return done, nil
}

// changed reports whether the saved file differs from the one that was read.
func (f *dataFile) changed() bool {
	return slices.ContainsFunc(f.uses, func(u *dataUse) bool { return u.content != nil })
}
