package permspec

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Freedom is a continuous symmetry of the slots of one group, beyond their order:
//
//	Orthogonal  every slot is only ever added and multiplied by numbers, so that all may be turned:
//	            x ↦ Rx with RᵀR = 1 where they are made, and where they are read
//	Scale       every slot passes only what commutes with a positive factor, such as Relu:
//	            x ↦ sx where it is made, x ↦ x/s where it is read
//
// Alone is no symmetry: every slot meets only what acts on each slot by itself, so that
// one may stand for several that are alike. A group under others has a freedom for each of their slots.
type Freedom struct {
	Group   int
	Kind    FreedomKind
	Weights map[*onnxgraph.Weight]int // of the model: by which power of s, or of R, a weight changes; R⁻¹ᵀ = R
}

// FreedomKind names a kind of Freedom.
type FreedomKind int

const (
	Orthogonal FreedomKind = iota + 1
	Scale
	Alone
)

// String is the kind's name.
func (k FreedomKind) String() string {
	return [...]string{Orthogonal: "orthogonal", Scale: "scale", Alone: "alone"}[k]
}

// Allows says in a few words what slots with the freedom may meet.
func (k FreedomKind) Allows() string {
	return [...]string{
		Orthogonal: "sums, products and changes of shape, as in the heads of attention without angles",
		Alone:      "what acts on each slot by itself",
		Scale:      "sums, positive factors, Relu, pooling and changes of shape",
	}[k]
}

// through lists what a slot may pass on its way, by kind: operators that commute
// with the freedom and have one input of slots.
var through = map[FreedomKind][]string{
	Orthogonal: {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Split", "Slice", "Gather", "Expand", "Dropout"},
	Scale: {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Split", "Dropout",
		"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"},
	Alone: {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Dropout",
		"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
		"Sigmoid", "Tanh", "Gelu", "Erf", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Mish", "HardSigmoid", "HardSwish", "Clip"},
}

// Freedoms lists the groups of s that have a freedom of the given kind in m, the
// model that s was inferred from: those whose slots meet, from the layers that make
// them to the layers that read them, nothing but sums, factors and the operators
// above. Groups that meet anything else, as the operators of whole attentions, positions turned by
// angles, or recurrent cells, are left out, and a Spec read from JSON has none. That a freedom changes nothing is to
// be checked by running the model, as for permutations.
func (s *Spec) Freedoms(m *onnxgraph.Model, kind FreedomKind) []Freedom {
	if s.tags == nil {
		return nil
	}
	uses := weightUses(m)
	var out []Freedom
	for g := range s.Groups {
		f := &flow{kind: kind, holds: func(v *onnxgraph.Value) bool { return s.holds(v, g) }, powers: map[*onnxgraph.Weight]int{}, carried: map[*onnxgraph.Value]bool{}, added: map[*onnxgraph.Weight]bool{}}
		if f.start(s, g, uses) && f.spread() && f.settled() {
			out = append(out, Freedom{g, kind, f.powers})
		}
	}
	return out
}

// holds reports whether the slots of a group stand on some axis of a value.
func (s *Spec) holds(v *onnxgraph.Value, g int) bool {
	l, known := s.explain.layouts[v]
	if !known || l == nil {
		return true
	}
	f, found := finisher{inf: s.explain}, false
	f.layout(l).each(func(x *Factor) { found = found || x.Name == s.tags[g] })
	return found
}

// weightUse is a node that reads a weight.
type weightUse struct {
	node    *onnxgraph.Node
	input   int
	flipped bool // through a transposition
	times   int  // how often the weight is read in all
}

func weightUses(m *onnxgraph.Model) map[*onnxgraph.Weight]*weightUse {
	out := map[*onnxgraph.Weight]*weightUse{}
	var note func(w *onnxgraph.Weight, v *onnxgraph.Value, flipped bool)
	note = func(w *onnxgraph.Weight, v *onnxgraph.Value, flipped bool) {
		if out[w] == nil {
			out[w] = &weightUse{}
		}
		for _, u := range v.Uses {
			switch n := u.Node; {
			case n.Op == "Identity" && n.Domain == "":
				note(w, n.Outputs[0], flipped)
			case n.Op == "Transpose" && len(w.Shape) == 2 && n.Domain == "":
				note(w, n.Outputs[0], !flipped)
			default:
				*out[w] = weightUse{n, u.Input, flipped, out[w].times + 1}
			}
		}
		if slices.Contains(v.Graph.Outputs, v) {
			out[w].times += 2
		}
	}
	visit := func(v *onnxgraph.Value) {
		if v != nil && v.Weight != nil && out[v.Weight] == nil {
			note(v.Weight, v, false)
		}
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Inputs {
			visit(v)
		}
	}
	return out
}

// flow follows the slots of one group through the graph.
type flow struct {
	kind    FreedomKind
	holds   func(*onnxgraph.Value) bool // whether the slots stand on a value
	powers  map[*onnxgraph.Weight]int
	readers []*onnxgraph.Node // layers that a weight of the group makes readers of its slots
	added   map[*onnxgraph.Weight]bool
	carried map[*onnxgraph.Value]bool // values that hold the slots
	queue   []*onnxgraph.Value
	both    []*onnxgraph.Node // products of two values, one of them carried or both
	sums    []*onnxgraph.Node
}

func (f *flow) carry(v *onnxgraph.Value) {
	if v != nil && !f.carried[v] && f.holds(v) {
		f.carried[v] = true
		f.queue = append(f.queue, v)
	}
}

// start finds what every weight of the group does with its slots: make, read or
// shift them.
func (f *flow) start(s *Spec, g int, uses map[*onnxgraph.Weight]*weightUse) bool {
	for i := range s.Weights {
		l := &s.Weights[i]
		axis, stands := axisOf(l, g)
		if !stands {
			continue
		}
		u := uses[l.Weight]
		if axis < 0 || u == nil || u.times != 1 || u.node.Domain != "" || !l.Weight.Replaceable() || !l.Weight.Type.IsFloat() {
			return false
		}
		if !f.role(l.Weight, u, axis) {
			return false
		}
	}
	return len(f.queue) > 0
}

// axisOf returns the only axis of a weight on which a group stands, or -1 where
// there are several.
func axisOf(l *WeightLayout, g int) (axis int, stands bool) {
	axis = -1
	for _, b := range l.Blocks {
		for _, d := range b.Digits {
			if d.Group != g {
				continue
			}
			stride, at := int64(1), len(l.Weight.Shape)-1
			for ; at > 0 && stride*l.Weight.Shape[at] <= d.Stride; at-- {
				stride *= l.Weight.Shape[at]
			}
			if stands && at != axis {
				return -1, true
			}
			axis, stands = at, true
		}
	}
	return axis, stands
}

// role notes what node u does with the slots that stand on an axis of its weight.
func (f *flow) role(w *onnxgraph.Weight, u *weightUse, axis int) bool {
	makes := -1 // the axis of what is made, in a weight of a product
	n := u.node
	switch {
	case n.Op == "Gemm" && u.input == 1 && n.Attrs["transA"].Int == 0:
		makes = 1
		if (n.Attrs["transB"].Int != 0) != u.flipped {
			makes = 0
		}
	case n.Op == "MatMul" && u.input == 1 && len(w.Shape) == 2:
		makes = 1
		if u.flipped {
			makes = 0
		}
	case n.Op == "Conv" && u.input == 1 && n.Attrs["group"].Int <= 1 && axis < 2:
		makes = 0
	case (n.Op == "Gemm" || n.Op == "Conv") && u.input == 2:
		f.powers[w] = 1
		return true
	case n.Op == "Add":
		f.powers[w], f.added[w] = 1, true
		return true
	case n.Op == "BatchNormalization" && f.kind == Alone, n.Op == "BatchNormalization" && f.kind == Scale && u.input <= 2:
		f.powers[w] = 1
		f.carry(n.Outputs[0])
		return true
	case n.Op == "BatchNormalization" && f.kind == Scale:
		f.powers[w] = 0
		return true
	default:
		return false
	}
	if axis != makes {
		f.powers[w] = -1
		f.readers = append(f.readers, n)
		return true
	}
	f.powers[w] = 1
	switch next := normalised(n); {
	case next != nil && f.kind == Alone:
		return true // its output is carried
	case next != nil && f.kind == Scale:
		f.powers[w] = 0
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			return false // a bias before a normalization keeps its numbers: not told from others here
		}
		return true
	}
	f.carry(n.Outputs[0])
	return true
}

// normalised returns the BatchNormalization that alone reads what n gives.
func normalised(n *onnxgraph.Node) *onnxgraph.Node {
	v := n.Outputs[0]
	if len(v.Uses) == 1 && v.Uses[0].Input == 0 && v.Uses[0].Node.Op == "BatchNormalization" && !slices.Contains(v.Graph.Outputs, v) {
		return v.Uses[0].Node
	}
	return nil
}

// spread follows the slots to all they reach. It reports whether they meet only
// what commutes with the freedom.
func (f *flow) spread() bool {
	for len(f.queue) > 0 {
		v := f.queue[0]
		f.queue = f.queue[1:]
		if slices.Contains(v.Graph.Outputs, v) {
			return false
		}
		for _, u := range v.Uses {
			if !f.meet(u.Node, u.Input) {
				return false
			}
		}
	}
	return true
}

// meet takes the slots through input i of a node.
func (f *flow) meet(n *onnxgraph.Node, i int) bool {
	switch {
	case n.Domain != "":
		return false
	case i == 0 && slices.Contains(f.readers, n):
		return true
	case i == 0 && slices.Contains(through[f.kind], n.Op):
		if n.Op != "Split" && len(n.Outputs) > 1 && n.Outputs[1] != nil && len(n.Outputs[1].Uses) > 0 {
			return false
		}
		for _, v := range n.Outputs {
			f.carry(v)
		}
		return true
	case n.Op == "Add":
		f.sums = append(f.sums, n)
		f.carry(n.Outputs[0])
		return true
	case n.Op == "Mul" && f.kind == Alone && f.carried[n.Inputs[1-i]]: // x·sigmoid(x)
		f.carry(n.Outputs[0])
		return true
	case n.Op == "Mul" && lone(n.Inputs[1-i]), n.Op == "Div" && i == 0 && lone(n.Inputs[1]):
		f.carry(n.Outputs[0])
		return true
	case n.Op == "MatMul" && f.kind == Orthogonal && n.Inputs[1-i].Weight == nil:
		f.both = append(f.both, n)
		f.carry(n.Outputs[0])
		return true
	}
	return false
}

// lone reports whether a value is a weight of one number.
func lone(v *onnxgraph.Value) bool { return v.Weight != nil && v.Weight.Elements() == 1 }

// settled reports whether, in the end, all that is added to slots is made of
// them, no reader reads anything else, and products of two values that hold the
// slots sum over them while those of one hand them on.
func (f *flow) settled() bool {
	for _, n := range f.sums {
		for _, v := range n.Inputs {
			if !f.carried[v] && !(v.Weight != nil && f.added[v.Weight]) {
				return false
			}
		}
	}
	for _, n := range f.both {
		if f.carried[n.Outputs[0]] != (f.carried[n.Inputs[0]] != f.carried[n.Inputs[1]]) {
			return false
		}
	}
	for w := range f.added {
		if !slices.ContainsFunc(f.sums, func(n *onnxgraph.Node) bool {
			return slices.ContainsFunc(n.Inputs, func(v *onnxgraph.Value) bool { return v.Weight == w })
		}) {
			return false
		}
	}
	for _, n := range f.readers {
		if !f.carried[n.Inputs[0]] {
			return false
		}
	}
	return true
}
