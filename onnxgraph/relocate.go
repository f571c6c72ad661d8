package onnxgraph

import (
	"encoding/hex"
	"path"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// alignment is where data that is added to an external file starts, as the ONNX
// specification advises for mapping.
const alignment = 4096

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
