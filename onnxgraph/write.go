package onnxgraph

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// WriteTo writes the model file: the original bytes with the contents of
// replaced weights and the added metadata in place. Replaced weights are
// computed one after the other. Weights in external files must be as they came,
// since only Save writes those.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	p, err := m.patch(nil)
	if err != nil {
		return 0, fmt.Errorf("write model: %w", err)
	}
	n, err := p.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("write model: %w", err)
	}
	return n, nil
}

// patch returns the model file with all its changes. Weights in external files
// are the caller's: moved is what changes in the model file for them.
func (m *Model) patch(moved []edit) (*patch, error) {
	if err := m.file.alive(); err != nil {
		return nil, err
	}
	edits, err := m.metadataEdits()
	if err != nil {
		return nil, err
	}
	edits = slices.Concat(m.file.edits, m.addedWeights(), edits, moved)
	for _, w := range m.replacedWeights() {
		if w.away && w.file == m.file && moved != nil {
			continue
		}
		if w.file == m.file && w.index >= 0 && m.file.sites[w.index].added != nil {
			continue
		}
		e, err := m.payloadEdits(w)
		if err != nil {
			return nil, fmt.Errorf("weight %q: %w", w.Name, err)
		}
		edits = append(edits, e...)
	}
	return newPatch(m.file.store, m.file.frames, edits)
}

// replacedWeights returns the weights that have new contents, in file order.
func (m *Model) replacedWeights() []*Weight {
	var ws []*Weight
	for w := range m.contents {
		ws = append(ws, w)
	}
	slices.SortFunc(ws, func(a, b *Weight) int { return a.index - b.index })
	return ws
}

// payloadEdits returns the edits that put new contents into a weight that is
// kept in the model file, in the payload field it has.
func (m *Model) payloadEdits(w *Weight) ([]edit, error) {
	if err := m.check(w); err != nil {
		return nil, err
	}
	if !w.Replaceable() {
		return nil, errors.New("it cannot be replaced where it is kept")
	}
	if w.away {
		return nil, errors.New("it is kept in an external file, which only Save writes")
	}
	s := m.file.sites[w.index]
	num, err := s.field(m.file.data)
	if err != nil {
		return nil, err
	}
	if num == 0 { // no elements
		return nil, nil
	}
	if err := checkField(num, w.Type); err != nil {
		return nil, err
	}
	size := w.size()
	if payload[num] == protowire.VarintType {
		if size, err = m.encodedSize(w, num); err != nil {
			return nil, err
		}
	}
	head := protowire.AppendTag(nil, num, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	var edits []edit
	for _, r := range s.runs {
		edits = append(edits, edit{frame: s.frame, span: r.span})
	}
	first := slices.IndexFunc(s.runs, func(r run) bool { return r.num == num })
	edits[first].size = len(head)
	edits[first].write = func() ([]byte, error) { return head, nil }
	at := edits[first].hi
	return append(edits, edit{s.frame, span{at, at}, size, func() ([]byte, error) {
		b, err := m.Bytes(w)
		if err != nil || payload[num] != protowire.VarintType {
			return b, err
		}
		return encode(nil, num, w.Type, b), nil
	}}), nil
}

// encodedSize returns the length of a weight's content as packed varints.
func (m *Model) encodedSize(w *Weight, num protowire.Number) (int, error) {
	b, err := m.Bytes(w)
	if err != nil {
		return 0, err
	}
	return len(encode(nil, num, w.Type, b)), nil
}

// Field numbers of ModelProto and StringStringEntryProto.
const (
	fieldMetadata protowire.Number = 14
	fieldKey      protowire.Number = 1
	fieldValue    protowire.Number = 2
)

// metadataEdits returns the edits that set the added properties: in place of
// the first entry of their key, or at the end of the file.
func (m *Model) metadataEdits() ([]edit, error) {
	if len(m.added) == 0 {
		return nil, nil
	}
	at := map[string][]span{}
	data := m.file.data
	err := fields(data, span{0, len(data)}, func(f field) error {
		if f.num != fieldMetadata || f.typ != protowire.BytesType {
			return nil
		}
		key := ""
		err := fields(data, span{f.value, f.hi}, func(e field) error {
			if e.num == fieldKey && e.typ == protowire.BytesType {
				key = string(data[e.value:e.hi])
			}
			return nil
		})
		at[key] = append(at[key], f.span)
		return err
	})
	if err != nil {
		return nil, err
	}
	var edits []edit
	for _, p := range m.added {
		places := at[p.Key]
		if places == nil {
			places = []span{{len(data), len(data)}}
		}
		edits = append(edits, replace(root, places[0], p.field()))
		for _, extra := range places[1:] {
			edits = append(edits, edit{frame: root, span: extra})
		}
	}
	return edits, nil
}

// field returns the property as a field of ModelProto.
func (p Property) field() []byte {
	b := protowire.AppendTag(nil, fieldMetadata, protowire.BytesType)
	return protowire.AppendBytes(b, entry(p.Key, p.Value))
}

// entry returns the content of a StringStringEntryProto.
func entry(key, value string) []byte {
	b := protowire.AppendTag(nil, fieldKey, protowire.BytesType)
	b = protowire.AppendString(b, key)
	b = protowire.AppendTag(b, fieldValue, protowire.BytesType)
	return protowire.AppendString(b, value)
}
