package onnxgraph

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// An edit replaces the bytes of a span, which belong to a message, by size
// bytes that write produces. An empty span inserts.
type edit struct {
	frame int // the innermost message that the span lies in, or root
	span
	size  int
	write func() ([]byte, error) // nil when size is 0
}

// insert returns the edit that puts bytes at one place of a message.
func insert(frame, at int, b []byte) edit { return replace(frame, span{at, at}, b) }

// replace returns the edit that puts bytes in place of others.
func replace(frame int, at span, b []byte) edit {
	return edit{frame, at, len(b), func() ([]byte, error) { return b, nil }}
}

// A patch is a file with edits applied: the file's own bytes but for the edited
// spans and the lengths of the messages around them.
type patch struct {
	store *store
	edits []edit // in file order, lengths included
	size  int
}

// newPatch prepares the edits, which must not overlap; those that insert at one
// place keep their order. Cost: O(n log n) in the number of edits and frames.
func newPatch(s *store, frames []frame, edits []edit) (*patch, error) {
	grow := make([]int, len(frames)) // by how many bytes each message grows
	total := 0
	for _, e := range edits {
		d := e.size - (e.hi - e.lo)
		if e.frame == root {
			total += d
		} else {
			grow[e.frame] += d
		}
	}
	all := slices.Clone(edits)
	for i, f := range slices.Backward(frames) { // parents stand before their children
		if grow[i] == 0 {
			continue
		}
		n := protowire.AppendVarint(nil, uint64(f.hi-f.lo+grow[i]))
		all = append(all, replace(f.parent, span{f.length, f.lo}, n))
		if d := grow[i] + len(n) - (f.lo - f.length); f.parent == root {
			total += d
		} else {
			grow[f.parent] += d
		}
	}
	slices.SortStableFunc(all, func(a, b edit) int {
		// What is put at the end of a message stands before what is put at
		// the end of the message around it, whose index is smaller.
		return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi), cmp.Compare(b.frame, a.frame))
	})
	for i := 1; i < len(all); i++ {
		if all[i].lo < all[i-1].hi {
			return nil, fmt.Errorf("two changes of the bytes at %d", all[i].lo)
		}
	}
	return &patch{s, all, len(s.data) + total}, nil
}

// WriteTo writes the patched file.
func (p *patch) WriteTo(w io.Writer) (int64, error) {
	var done int64
	put := func(b []byte) error {
		n, err := p.store.copyOut(w, b)
		done += int64(n)
		return err
	}
	data := p.store.data
	pos := 0
	for _, e := range p.edits {
		if err := put(data[pos:e.lo]); err != nil {
			return done, err
		}
		pos = e.hi
		if e.size == 0 {
			continue
		}
		b, err := e.write()
		if err != nil {
			return done, err
		}
		if len(b) != e.size {
			return done, fmt.Errorf("contents came as %d bytes, want %d", len(b), e.size)
		}
		if err := put(b); err != nil {
			return done, err
		}
	}
	err := put(data[pos:])
	return done, err
}

// bytes returns the patched file.
func (p *patch) bytes() ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, p.size))
	_, err := p.WriteTo(b)
	return b.Bytes(), err
}
