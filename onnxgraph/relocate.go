package onnxgraph

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// alignment is where data that is added to an external file starts, as the ONNX
// specification advises for mapping.
const alignment = 4096

// saveExternal stages the external files and returns the changes they need in
// the model file; not nil, even when there are none.
func (f *file) saveExternal(s *saver, base string, files []*dataFile) ([]edit, error) {
	edits := []edit{}
	taken := map[string]bool{base: true}
	for _, d := range files {
		err := d.place()
		if err != nil {
			return nil, err
		}
		if d.name, err = s.pick(d.name, base, taken); err != nil {
			return nil, err
		}
		if err := s.stage(d.name, d); err != nil {
			return nil, err
		}
		for _, u := range d.uses {
			edits = append(edits, f.relocate(u, d)...)
		}
	}
	return edits, nil
}

// pick returns the name under which an external file is saved.
func (s *saver) pick(name, base string, taken map[string]bool) (string, error) {
	_, err := s.dir.Lstat(filepath.FromSlash(name))
	if taken[name] || !errors.Is(err, fs.ErrNotExist) {
		prefix := strings.TrimSuffix(base, path.Ext(base))
		name = path.Join(path.Dir(name), prefix+"."+path.Base(name))
		if taken[name] {
			return "", fmt.Errorf("no name is free for external data, %q is taken", name)
		}
		if err := s.allow(name); err != nil {
			return "", fmt.Errorf("external data: %w", err)
		}
	}
	taken[name] = true
	return name, nil
}

// relocate returns the edits that make a tensor refer to where its data was
// saved.
func (f *file) relocate(u *dataUse, to *dataFile) []edit {
	frame := f.sites[u.site].frame
	at := f.frames[frame].span
	var edits []edit
	set := func(place span, key, value string) {
		edits = append(edits, replace(frame, place, externalField(key, value)))
	}
	offset := false
	fields(f.data, at, func(fl field) error { // parsed before, cannot fail
		if fl.num != fieldExternal || fl.typ != protowire.BytesType {
			return nil
		}
		switch key := f.entryKey(fl); {
		case key == "location" && path.Clean(u.ref.location) != to.name:
			set(fl.span, key, to.name)
		case key == "offset":
			offset = true
			if u.at != u.ref.offset {
				set(fl.span, key, strconv.FormatInt(u.at, 10))
			}
		case key == "checksum" && to.changed():
			set(fl.span, key, hex.EncodeToString(to.sum.Sum(nil)))
		}
		return nil
	})
	if !offset && u.at != u.ref.offset {
		set(span{at.hi, at.hi}, "offset", strconv.FormatInt(u.at, 10))
	}
	return edits
}

// entryKey returns the key of an entry of external_data.
func (f *file) entryKey(entry field) string {
	key := ""
	fields(f.data, span{entry.value, entry.hi}, func(e field) error {
		if e.num == fieldKey && e.typ == protowire.BytesType {
			key = string(f.data[e.value:e.hi])
		}
		return nil
	})
	return key
}

// externalField returns an entry of external_data as a field of TensorProto.
func externalField(key, value string) []byte {
	b := protowire.AppendTag(nil, fieldExternal, protowire.BytesType)
	return protowire.AppendBytes(b, entry(key, value))
}
