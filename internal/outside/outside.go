// Package outside makes models that compute something else than the one they
// are made of: one weight has two slots of an axis exchanged, which no member of
// the symmetry group does.
package outside

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Exchange is a transposition outside the group: slots I and J of an axis of
// one weight change places.
type Exchange struct {
	Weight     *onnxgraph.Weight
	Axis, I, J int
	Free       bool // the axis may be permuted, but only together with others
}

func (e Exchange) String() string {
	kind := "frozen"
	if e.Free {
		kind = "free"
	}
	return fmt.Sprintf("%s:%d (%s) %d↔%d", e.Weight.Name, e.Axis, kind, e.I, e.J)
}

// Of is m with the slots exchanged.
func (e Exchange) Of(m *onnxgraph.Model) *onnxgraph.Model {
	return m.With(map[*onnxgraph.Weight]onnxgraph.Content{e.Weight: func() ([]byte, error) {
		data, err := m.Bytes(e.Weight)
		if err != nil {
			return nil, err
		}
		out := slices.Clone(data)
		for at, size := 0, e.slot()*int(e.Weight.Shape[e.Axis]); at < len(out); at += size {
			i, j := at+e.I*e.slot(), at+e.J*e.slot()
			copy(out[i:i+e.slot()], data[j:])
			copy(out[j:j+e.slot()], data[i:])
		}
		return out, nil
	}})
}

// slot is the number of bytes that stand together in one slot of the axis.
func (e Exchange) slot() int {
	n := e.Weight.Type.Size()
	for _, d := range e.Weight.Shape[e.Axis+1:] {
		n *= int(d)
	}
	return n
}

// Exchanges lists up to n exchanges in different weights of m, drawn by seed. An axis
// qualifies when it is frozen, or when the groups in it stand in other places
// too, which stay as they are. Of the slots those are taken, among a few draws,
// that differ most; slots that are nearly the same are left alone.
func Exchanges(m *onnxgraph.Model, spec *permspec.Spec, n int, seed uint64) ([]Exchange, error) {
	rng := rand.New(rand.NewPCG(seed, 0x6f757473696465))
	layouts, places := map[*onnxgraph.Weight]permspec.Layout{}, map[string]int{}
	for _, w := range spec.Weights {
		layouts[w.Weight] = w.Layout
		for _, axis := range w.Layout {
			for _, name := range atoms(axis) {
				places[name]++
			}
		}
	}
	reaching := map[string]bool{}
	for _, f := range spec.Frozen {
		reaching[f.Weight] = true
	}
	var out []Exchange
	weights := slices.Clone(m.Weights())
	rng.Shuffle(len(weights), func(i, j int) { weights[i], weights[j] = weights[j], weights[i] })
	for _, w := range weights {
		if len(out) == n {
			break
		}
		quantised := w.Type == onnxgraph.Int8 || w.Type == onnxgraph.Uint8
		if !w.Type.IsFloat() && !quantised || !w.Replaceable() || layouts[w] == nil && !reaching[w.Name] {
			continue
		}
		e, err := draw(m, w, layouts[w], places, rng)
		if err != nil {
			return nil, err
		}
		if e != nil {
			out = append(out, *e)
		}
	}
	return out, nil
}

// atoms lists the free atoms in an axis.
func atoms(axis permspec.Axis) []string {
	var out []string
	var factor func(permspec.Factor)
	factor = func(f permspec.Factor) {
		for _, p := range f.Pick {
			factor(p)
		}
		out = append(out, atoms(f.Sum)...)
		if f.Name != "" && !f.Frozen {
			out = append(out, f.Name)
		}
	}
	for _, term := range axis {
		for _, f := range term {
			factor(f)
		}
	}
	return out
}

// draw finds an exchange in one weight, nil when none qualifies.
func draw(m *onnxgraph.Model, w *onnxgraph.Weight, layout permspec.Layout, places map[string]int, rng *rand.Rand) (*Exchange, error) {
	for _, k := range rng.Perm(len(w.Shape)) {
		if w.Shape[k] < 2 {
			continue
		}
		e := Exchange{Weight: w, Axis: k}
		alone := false
		if layout != nil {
			for _, name := range atoms(layout[k]) {
				e.Free, alone = true, alone || places[name] < 2
			}
		}
		if alone {
			continue
		}
		data, err := m.Float64s(w)
		if err != nil {
			return nil, err
		}
		if e.choose(data, rng) {
			return &e, nil
		}
	}
	return nil, nil
}

// choose finds two slots that differ, by a tenth of the weight's largest number
// at least.
func (e *Exchange) choose(x []float64, rng *rand.Rand) bool {
	size, most := int(e.Weight.Shape[e.Axis]), 0.0
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	best := 0.0
	for range 16 {
		i, j := rng.IntN(size), rng.IntN(size)
		if d := e.apart(x, i, j); d > best {
			best, e.I, e.J = d, i, j
		}
	}
	return best > most/10 && !math.IsInf(most, 0)
}

// apart is the largest difference of two slots.
func (e *Exchange) apart(x []float64, i, j int) float64 {
	slot := e.slot() / e.Weight.Type.Size()
	most := 0.0
	for at := 0; at < len(x); at += slot * int(e.Weight.Shape[e.Axis]) {
		for c := range slot {
			most = max(most, math.Abs(x[at+i*slot+c]-x[at+j*slot+c]))
		}
	}
	return most
}
