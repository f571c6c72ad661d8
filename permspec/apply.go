package permspec

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/memory"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Apply returns m with its weights permuted by p. The numbers are moved, never
// computed with, so every element type works and the result is exact:
// Apply is a group action (see Invert and Then). Weights are permuted when they
// are read; m is not changed.
func (s *Spec) Apply(m *onnxgraph.Model, p Perms) (*onnxgraph.Model, error) {
	return s.ApplyTo(m, p, func(w *onnxgraph.Weight) *onnxgraph.Weight { return w })
}

// ApplyTo is Apply for another model of the same architecture: counterpart
// returns its weight for each weight of the model that s was inferred from, nil
// for weights on which no output depends: those stay.
func (s *Spec) ApplyTo(m *onnxgraph.Model, p Perms, counterpart func(*onnxgraph.Weight) *onnxgraph.Weight) (*onnxgraph.Model, error) {
	if err := s.Check(p); err != nil {
		return nil, err
	}
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for i := range s.Weights {
		w := &s.Weights[i]
		if !s.moves(w, p) {
			continue
		}
		other := counterpart(w.Weight)
		if other == nil {
			continue
		}
		contents[other] = func() ([]byte, error) {
			data, err := m.Bytes(other)
			if err != nil {
				return nil, err
			}
			out, err := s.Permute(w, p, data)
			m.Forget(data)
			memory.Waste(int64(len(data)))
			return out, err
		}
	}
	return m.With(contents), nil
}

// moves reports whether p moves anything in w.
func (s *Spec) moves(w *WeightLayout, p Perms) bool {
	for _, b := range w.Blocks {
		for _, d := range b.Digits {
			if d.Group < 0 {
				continue
			}
			for i, v := range p[d.Group] {
				if int(v) != i%d.Size {
					return true
				}
			}
		}
	}
	return false
}

// Permute returns the elements of w, data in row-major order and of any width,
// permuted by p. Elements of four bits stand two to a byte, the first in the low
// half. Cost: one pass over the data.
func (s *Spec) Permute(w *WeightLayout, p Perms, data []byte) ([]byte, error) {
	n := w.Weight.Elements()
	if n == 0 && len(data) == 0 {
		return nil, nil
	}
	if w.Weight.Type.Bits() == 4 && int64(len(data)) == (n+1)/2 {
		if n == 1 { // one to a byte already
			return slices.Clone(data), nil
		}
		out, err := s.Permute(w, p, unpack(data, n))
		return pack(out), err
	}
	if n == 0 || int64(len(data))%n != 0 {
		return nil, fmt.Errorf("permspec: weight %q: %d bytes for %d elements cannot be permuted", w.Weight.Name, len(data), n)
	}
	width := int64(len(data)) / n
	out := make([]byte, len(data))
	for _, b := range w.Blocks {
		move(out, data, width, b.Offset, b.Offset, s.Moves(b, p))
	}
	return out, nil
}

// unpack gives each of n elements of four bits a byte.
func unpack(data []byte, n int64) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = data[i/2] >> (4 * (i % 2)) & 15
	}
	return out
}

// pack undoes unpack.
func pack(elems []byte) []byte {
	out := make([]byte, (len(elems)+1)/2)
	for i, e := range elems {
		out[i/2] |= e << (4 * (i % 2))
	}
	return out
}

// Moves is a list of coordinates, slowest first. Each is a table of where an
// element is put and where it is taken from, as offsets in elements; the
// element at entries i, j, … of the tables goes from ΣFrom to ΣTo.
type Moves []Move

// Move is one table of Moves.
type Move struct{ To, From []int64 }

// Moves lists how p moves the elements of block b. Nested groups share a table
// with what they are nested in.
func (s *Spec) Moves(b Block, p Perms) Moves {
	part := components(b)
	var out Moves
	for _, digits := range part {
		out = append(out, s.table(b, p, digits))
	}
	return out
}

// components groups the digits of b that hang together by nesting, in order of
// their first digit.
func components(b Block) [][]int {
	root := make([]int, len(b.Digits))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for i, d := range b.Digits {
		for _, j := range d.Under {
			a, c := find(i), find(j)
			root[max(a, c)] = min(a, c)
		}
	}
	var out [][]int
	for i := range b.Digits {
		if find(i) != i {
			continue
		}
		var digits []int
		for j := range b.Digits {
			if find(j) == i {
				digits = append(digits, j)
			}
		}
		out = append(out, digits)
	}
	return out
}

// table tabulates the digits listed, the first of them slowest.
func (s *Spec) table(b Block, p Perms, digits []int) Move {
	n := 1
	for _, k := range digits {
		n *= b.Digits[k].Size
	}
	m := Move{make([]int64, n), make([]int64, n)}
	places := make([]int, len(b.Digits))
	for e := range n {
		for k, rest := len(digits)-1, e; k >= 0; k-- {
			d := digits[k]
			places[d] = rest % b.Digits[d].Size
			rest /= b.Digits[d].Size
		}
		for _, k := range digits {
			d := b.Digits[k]
			from := places[k]
			if d.Group >= 0 {
				row := 0
				for _, u := range d.Under {
					row = row*b.Digits[u].Size + places[u]
				}
				from = int(p[d.Group][row*d.Size+from])
			}
			m.To[e] += d.Stride * int64(places[k])
			m.From[e] += d.Stride * int64(from)
		}
	}
	return m
}

// move copies the elements of one block.
func move(out, in []byte, width, to, from int64, m Moves) {
	if len(m) == 0 {
		copy(out[to*width:(to+1)*width], in[from*width:])
		return
	}
	if len(m) == 1 {
		moveLast(out, in, width, to, from, m[0])
		return
	}
	for i := range m[0].To {
		move(out, in, width, to+m[0].To[i], from+m[0].From[i], m[1:])
	}
}

// moveLast copies the fastest coordinate; a run that stays together is copied
// at once.
func moveLast(out, in []byte, width, to, from int64, m Move) {
	n := len(m.To)
	for i := 0; i < n; {
		run := 1
		for i+run < n && m.To[i+run] == m.To[i]+int64(run) && m.From[i+run] == m.From[i]+int64(run) {
			run++
		}
		t, f := (to+m.To[i])*width, (from+m.From[i])*width
		copy(out[t:t+int64(run)*width], in[f:f+int64(run)*width])
		i += run
	}
}
