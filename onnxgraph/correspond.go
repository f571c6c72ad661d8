package onnxgraph

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Correspondence says which parts of two models of one architecture are each
// other's counterpart. Parts that no output depends on have none.
type Correspondence struct {
	Weights map[*Weight]*Weight // from those of the first model to the second's
	Nodes   map[*Node]*Node     // without nodes that pass on what they read
}

// Difference is the first place where two models are not of one architecture.
type Difference struct {
	A      string `json:"a,omitempty"` // the node on each side; "" where there is none
	B      string `json:"b,omitempty"`
	Reason string `json:"reason"` // one sentence that names both
}

func (d *Difference) Error() string { return d.Reason }

// Correspond finds the counterparts of two models, or a *Difference.
//
// Models are compared by what their nodes do, not by names or by the order of
// nodes: operator, attributes, wiring, and the types and shapes of weights, from
// the inputs forward; the counterparts are then collected from the outputs
// back. Graph inputs and outputs are matched by name, or by position when the
// names differ. The numbers of weights may differ, except for integers that
// steer shapes and indices. It makes no difference whether
//
//   - Identity, Dropout and casts to a value's own type stand in between,
//   - a constant is an initializer or a Constant node, an attribute or an input,
//   - an attribute is left out or has its default,
//   - the inputs of an addition or multiplication are swapped,
//   - a Gemm is a MatMul and an Add, a GlobalAveragePool a ReduceMean, a Flatten a Reshape,
//   - equal weights were merged into one in b. Where they were merged in a only,
//     which cannot hold what b tells apart, b's must be equal.
//
// Of identical parallel branches that are added up any may be any other's
// counterpart. Cost: near linear in the number of nodes.
func Correspond(a, b *Model) (*Correspondence, error) {
	m := newMatcher(a, b)
	if len(a.Graph.Outputs) == 0 && len(b.Graph.Outputs) == 0 {
		return nil, fmt.Errorf("compare models: %s and %s have no outputs", m.a.name, m.b.name)
	}
	byName, byPlace, err := m.interfaces()
	if err != nil {
		return nil, err
	}
	var first error
	for _, t := range []trial{{byName, true}, {byPlace, true}, {byName, false}, {byPlace, false}} {
		if t.io == nil {
			continue
		}
		c, err := m.try(t)
		if err == nil {
			return c, nil
		}
		d := (*Difference)(nil)
		if !errors.As(err, &d) {
			return nil, err
		}
		if first == nil {
			d.Reason += m.otherSizes(t.io.inputs)
			first = d
		}
	}
	return nil, first
}

// A trial is one way to compare: which inputs and outputs of b are a's, and
// whether a computed integer is told by its elements where they are known, or by
// how it is computed.
type trial struct {
	io   *pairing
	fold bool
}

// A pairing lists for each input and output of a the place of b's.
type pairing struct{ inputs, outputs []int }

// A matcher compares two models.
type matcher struct {
	a, b *side
}

func newMatcher(a, b *Model) *matcher {
	m := &matcher{newSide(a), newSide(b)}
	m.a.name, m.b.name = shortNames(a.Path, b.Path)
	return m
}

// shortNames returns the ends of two paths from where they differ, and words
// for models that did not come from a file, or from the same one.
func shortNames(a, b string) (string, string) {
	const first, second = "the first model", "the second model"
	switch {
	case a == b:
		return first, second
	case a == "":
		return first, path.Base(filepath.ToSlash(b))
	case b == "":
		return path.Base(filepath.ToSlash(a)), second
	}
	pa, pb := strings.Split(filepath.ToSlash(a), "/"), strings.Split(filepath.ToSlash(b), "/")
	n := 1
	for n < min(len(pa), len(pb)) && pa[len(pa)-n] == pb[len(pb)-n] {
		n++
	}
	if pa[len(pa)-n] == pb[len(pb)-n] { // one path is the end of the other
		return a, b
	}
	return path.Join(pa[len(pa)-n:]...), path.Join(pb[len(pb)-n:]...)
}

// interfaces pairs inputs and outputs by name and by place; a pairing that is
// impossible, or the same again, is nil.
func (m *matcher) interfaces() (byName, byPlace *pairing, err error) {
	ga, gb := m.a.model.Graph, m.b.model.Graph
	for _, k := range []struct {
		what string
		a, b []*Value
	}{{"input", ga.Inputs, gb.Inputs}, {"output", ga.Outputs, gb.Outputs}} {
		if len(k.a) != len(k.b) {
			return nil, nil, &Difference{Reason: fmt.Sprintf("%s has %s, %s has %s",
				m.a.name, counted(len(k.a), k.what), m.b.name, counted(len(k.b), k.what))}
		}
	}
	in, inNamed := byNames(ga.Inputs, gb.Inputs)
	out, outNamed := byNames(ga.Outputs, gb.Outputs)
	byPlace = &pairing{places(len(in)), places(len(out))}
	if inNamed || outNamed {
		byName = &pairing{in, out}
	}
	if byName != nil && slices.Equal(in, byPlace.inputs) && slices.Equal(out, byPlace.outputs) {
		byPlace = nil
	}
	return byName, byPlace, nil
}

// otherSizes tells, as the end of a sentence, of the first input that is declared
// with other sizes in b than in a: what was computed from them differs too.
func (m *matcher) otherSizes(inputs []int) string {
	ga, gb := m.a.model.Graph, m.b.model.Graph
	for i, v := range ga.Inputs {
		w := gb.Inputs[inputs[i]]
		if v.Weight == nil && v.HasShape && w.HasShape && sized(v) && sized(w) && !slices.Equal(v.Declared, w.Declared) {
			return fmt.Sprintf("; they are made for inputs of other sizes: %q is %v in %s, %v in %s", v.Name, v.Declared, m.a.name, w.Declared, m.b.name)
		}
	}
	return ""
}

// sized reports whether every size of v is declared as a number.
func sized(v *Value) bool {
	return !slices.ContainsFunc(v.Declared, func(d Dim) bool { _, ok := d.Known(); return !ok })
}

// counted returns a number of things in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// places returns 0 to n-1.
func places(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// byNames returns the places in b of the values of a by name, or by place when
// the names are not the same ones.
func byNames(a, b []*Value) ([]int, bool) {
	at := map[string]int{}
	for i, v := range b {
		at[v.Name] = i
	}
	out := make([]int, len(a))
	for i, v := range a {
		p, ok := at[v.Name]
		if !ok {
			return places(len(a)), false
		}
		out[i] = p
		delete(at, v.Name)
	}
	return out, len(at) == 0
}

// try compares the models in one way.
func (m *matcher) try(t trial) (*Correspondence, error) {
	ids := map[string]int{}
	for _, s := range []*side{m.a, m.b} {
		order := places(len(t.io.inputs))
		if s == m.b {
			for i, p := range t.io.inputs {
				order[p] = i
			}
		}
		if err := s.sign(ids, t.fold, order); err != nil {
			return nil, fmt.Errorf("compare models: %s: %w", s.name, err)
		}
	}
	ga, gb := m.a.model.Graph, m.b.model.Graph
	outputs := make([]*Value, len(gb.Outputs))
	for i, p := range t.io.outputs {
		outputs[i] = gb.Outputs[p]
	}
	for i, v := range ga.Outputs {
		if m.a.ids[v] != m.b.ids[outputs[i]] {
			return nil, m.difference(ga.Outputs, outputs)
		}
	}
	c := &collector{
		matcher: m, seen: map[[2]*Value]bool{},
		out: &Correspondence{map[*Weight]*Weight{}, map[*Node]*Node{}},
	}
	for i, v := range ga.Outputs {
		if err := c.value(v, outputs[i]); err != nil {
			return nil, err
		}
	}
	return c.out, nil
}
