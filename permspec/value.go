package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// layout returns the layout of v, making one on first sight. It is nil, false
// when the rank of v is not known.
func (inf *inference) layout(v *onnxgraph.Value) ([]sum, bool) {
	if v.Weight != nil {
		return inf.weightLayout(v.Weight), true
	}
	l, seen := inf.layouts[v]
	if seen {
		return l, l != nil
	}
	dims, ok := inf.info.Shape(v)
	if ok {
		l = inf.freshLayout(dims)
	}
	inf.layouts[v] = l
	return l, ok
}

func (inf *inference) freshLayout(dims []onnxgraph.Dim) []sum {
	l := make([]sum, len(dims))
	for i, d := range dims {
		l[i] = single(inf.fresh(d))
	}
	return l
}

// operand is layout as node n reads it: an axis along which a value is the same
// everywhere is a fresh one for every reader, for it constrains nothing.
func (inf *inference) operand(v *onnxgraph.Value, n *onnxgraph.Node) ([]sum, bool) {
	l, ok := inf.layout(v)
	if !ok {
		return l, ok
	}
	for k := range l {
		if !inf.isConstantAlong(v, k) {
			continue
		}
		size, ok := inf.size(inf.resolve(l[k]))
		if n, known := size.Known(); !ok || known && n == 1 {
			continue
		}
		l = append([]sum{}, l...)
		l[k] = single(inf.fresh(size))
		if v.Weight != nil {
			inf.readings[v.Weight] = append(inf.readings[v.Weight], reading{k, l[k]})
		}
	}
	if v.Weight != nil {
		inf.guardIndices(v.Weight, l, n)
	}
	return l, true
}

// isConstantAlong reports whether v is the same at every slot of an axis.
func (inf *inference) isConstantAlong(v *onnxgraph.Value, axis int) bool {
	if v.Weight != nil {
		return inf.isUniform(v.Weight, axis)
	}
	u := inf.constant[v]
	return axis < len(u) && u[axis]
}

// reading is what a reader of a weight took an axis for along which the weight
// is the same everywhere.
type reading struct {
	axis int
	as   sum
}

// settleReadings gives the axes along which a weight is the same everywhere the
// layout that all its readers agree on. Permuting them changes nothing, so this
// only tells users what stands there; where readers differ the axis is frozen.
func (inf *inference) settleReadings() {
	for _, w := range inf.model.Weights() {
		l := inf.weights[w]
		for k := range l {
			var as sum
			apart := false
			for _, r := range inf.readings[w] {
				if r.axis != k {
					continue
				}
				x := inf.resolve(r.as)
				apart = apart || as != nil && !as.equal(x)
				as = x
			}
			switch {
			case as == nil:
			case apart || !w.Type.IsFloat():
				inf.freeze(l[k], &cause{nil, "every slot along this axis holds the same"})
			default:
				l[k] = as
			}
		}
	}
}

// constants finds the axes along which an output is the same at every slot. By
// the law of signatures that holds where permuting the name leaves all inputs as
// they are: where it stands in no input, or only in axes of which that is true,
// and on no other axis of the output.
func (inf *inference) constants(n *onnxgraph.Node, sig Signature) {
	vary := map[string]bool{}
	for i, l := range sig.In {
		for k, a := range l {
			vary := func(f *Factor) {
				if i >= len(n.Inputs) || n.Inputs[i] == nil || f.Frozen || !inf.isConstantAlong(n.Inputs[i], k) {
					vary[f.Name] = true
				}
			}
			a.each(vary)
		}
	}
	for i, l := range sig.Out {
		if i >= len(n.Outputs) || n.Outputs[i] == nil {
			continue
		}
		u, stands := make([]bool, len(l)), map[string]int{}
		l.each(func(f *Factor) { stands[f.Name]++ })
		for k, a := range l {
			u[k] = len(a) == 1
			a.each(func(f *Factor) { u[k] = u[k] && !f.Frozen && !vary[f.Name] && stands[f.Name] == 1 })
		}
		inf.constant[n.Outputs[i]] = u
	}
}

func (inf *inference) weightLayout(w *onnxgraph.Weight) []sum {
	if l, seen := inf.weights[w]; seen {
		return l
	}
	l := make([]sum, len(w.Shape))
	for i, d := range w.Shape {
		l[i] = single(inf.fresh(onnxgraph.Size(d)))
	}
	inf.weights[w] = l
	switch {
	case w.Sparse:
		inf.freezeAll(l, &cause{nil, "it is stored as a sparse tensor"})
	case w.Type.IsFloat() && !w.Replaceable():
		inf.freezeAll(l, &cause{nil, fmt.Sprintf("the numbers of %q are an attribute of a Constant node", w.Name)})
	case inf.opts.Freeze != nil && inf.opts.Freeze(w):
		inf.freezeAll(l, &cause{nil, "the user froze it"})
	}
	return l
}

// guardIndices freezes integer and boolean constants: indices, ranges and masks
// mean the slots they stand at. Quantised weights are integers too, and move.
func (inf *inference) guardIndices(w *onnxgraph.Weight, l []sum, n *onnxgraph.Node) {
	switch w.Type {
	case onnxgraph.Int64, onnxgraph.Uint64, onnxgraph.Uint32, onnxgraph.Bool, onnxgraph.String:
	case onnxgraph.Int32:
		if quantised[opKey{n.Domain, n.Op}] {
			return
		}
	default:
		return
	}
	for k, x := range l {
		if !inf.isUniform(w, k) {
			inf.freeze(x, &cause{n, fmt.Sprintf("the constant %q of indices or marks stands along this axis", w.Name)})
		}
	}
}

func (inf *inference) isUniform(w *onnxgraph.Weight, axis int) bool {
	if inf.opts.Uniform != nil {
		return inf.opts.Uniform(w, axis)
	}
	u, seen := inf.uniform[w]
	if !seen {
		var err error
		if u, err = Uniform(inf.model, w); err != nil && inf.err == nil {
			inf.err = fmt.Errorf("permspec: %w", err)
		}
		inf.uniform[w] = u
	}
	return u != nil && u[axis]
}

// Uniform reports, for each axis of w, whether m's numbers are the same at
// every slot of that axis. It reads the weight once; cost rank × elements at
// most, little for weights that vary.
func Uniform(m *onnxgraph.Model, w *onnxgraph.Weight) ([]bool, error) {
	out := make([]bool, len(w.Shape))
	n := w.Elements()
	if n == 0 || w.Type == onnxgraph.String {
		return out, nil
	}
	data, err := m.Bytes(w)
	if err != nil {
		return out, err
	}
	width := int64(len(data)) / n
	if width*n != int64(len(data)) || width == 0 { // packed 4-bit elements
		return out, nil
	}
	inner := width
	for k := len(w.Shape) - 1; k >= 0; k-- {
		out[k] = sameAlong(data, inner, w.Shape[k])
		inner *= w.Shape[k]
	}
	return out, nil
}

// sameAlong reports whether data, seen as [outer, size, inner] bytes, is the
// same for each index of the middle axis.
func sameAlong(data []byte, inner, size int64) bool {
	if size == 1 {
		return true
	}
	for start := int64(0); start < int64(len(data)); start += inner * size {
		first := data[start : start+inner]
		for i := int64(1); i < size; i++ {
			if string(data[start+i*inner:start+(i+1)*inner]) != string(first) {
				return false
			}
		}
	}
	return true
}

func (inf *inference) freezeAll(l []sum, why *cause) {
	for _, x := range l {
		inf.freeze(x, why)
	}
}

func (inf *inference) freezeValue(v *onnxgraph.Value, why *cause) {
	if l, ok := inf.layout(v); ok {
		inf.freezeAll(l, why)
	}
}

// freezeNode freezes all that the node touches. Its bodies are functions to it,
// whatever it does with them: what they take and give is frozen, and what goes
// on inside may move.
func (inf *inference) freezeNode(n *onnxgraph.Node, reason string) {
	why := &cause{n, reason}
	for _, v := range n.Inputs {
		if v != nil {
			inf.freezeValue(v, why)
		}
	}
	for _, v := range n.Outputs {
		if v != nil {
			delete(inf.layouts, v)
			inf.freezeValue(v, why)
		}
	}
	for _, body := range n.Bodies() {
		for _, v := range body.Inputs {
			inf.freezeValue(v, why)
		}
		inf.graph(body)
		for _, v := range body.Outputs {
			inf.freezeValue(v, why)
		}
	}
}

func (inf *inference) freezeIO(v *onnxgraph.Value, kind string) {
	if inf.opts.FreeIO != nil && inf.opts.FreeIO(v) {
		return
	}
	inf.freezeValue(v, &cause{nil, fmt.Sprintf("it meets the graph %s %q", kind, v.Name)})
}
