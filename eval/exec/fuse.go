package exec

import (
	"maps"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// fusions puts nodes together that one kernel computes at once. A rule gets the
// last of them and returns what takes the place of all, nil if it does not
// apply. What lies in between must be read by nobody else, and be no output.
var fusions = map[string][]func(f *fuser, n *onnxgraph.Node) *onnxgraph.Node{
	"BatchNormalization": {(*fuser).batchNorm},
	"Add":                {(*fuser).matMulBias, (*fuser).convSum, (*fuser).layerNormBias},
	"Relu":               {(*fuser).relu},
	"Mul":                {(*fuser).gelu, (*fuser).layerNormScale},
	"Div":                {(*fuser).layerNorm},
}

// operands counts the inputs that a node put together with others must have, and
// those it may have; any other is left to its kernel, which says what is wrong.
var operands = map[string]struct{ least, most int }{
	"Add": {2, 2}, "Sub": {2, 2}, "Mul": {2, 2}, "Div": {2, 2}, "Pow": {2, 2}, "MatMul": {2, 2},
	"Conv": {2, 3}, "FusedConv": {2, 4}, "Gemm": {2, 3}, "Relu": {1, 1}, "Erf": {1, 1}, "Sqrt": {1, 1},
	"ReduceMean": {1, 2}, "LayerNormalization": {1, 3}, "BatchNormalization": {5, 5},
}

// complete tells whether n has its operands and a result.
func complete(n *onnxgraph.Node) bool {
	k, known := operands[n.Op]
	return known && len(n.Outputs) > 0 && len(n.Inputs) >= k.least && len(n.Inputs) <= k.most && !slices.Contains(n.Inputs[:k.least], nil)
}

// fuser is one pass over the nodes of a scope.
type fuser struct {
	*scope
	outputs []*onnxgraph.Value
	by      map[*onnxgraph.Value]*onnxgraph.Node // nodes so far, by what they compute
	gone    map[*onnxgraph.Node]bool
}

// fuse returns the nodes with some of them put together, in order.
func (s *scope) fuse(nodes []*onnxgraph.Node, outputs []*onnxgraph.Value) []*onnxgraph.Node {
	if s.lean || s.given != nil {
		return nodes
	}
	f := &fuser{scope: s, outputs: outputs, by: make(map[*onnxgraph.Value]*onnxgraph.Node), gone: make(map[*onnxgraph.Node]bool)}
	var out []*onnxgraph.Node
	for _, n := range nodes {
		if n.Domain == "" && n.Version >= 7 && complete(n) { // before, operands are aligned by attributes
			for _, rule := range fusions[n.Op] {
				if m := rule(f, n); m != nil {
					n = m
					break
				}
			}
		}
		out = append(out, n)
		if !complete(n) {
			continue
		}
		for _, v := range n.Outputs {
			if v != nil {
				f.by[v] = n
			}
		}
	}
	return slices.DeleteFunc(out, func(n *onnxgraph.Node) bool { return f.gone[n] })
}

// inner returns the node that computes v if it is one of the given operators
// and v is read in one place only; else nil.
func (f *fuser) inner(v *onnxgraph.Value, ops ...string) *onnxgraph.Node {
	n := f.by[v]
	if n == nil || n.Domain != "" || !slices.Contains(ops, n.Op) || len(v.Uses) != 1 || f.isOutput(v) || n.Outputs[0] != v {
		return nil
	}
	for _, other := range n.Outputs[1:] {
		if other != nil && f.wanted[other] {
			return nil
		}
	}
	return n
}

func (f *fuser) isOutput(v *onnxgraph.Value) bool { return slices.Contains(f.outputs, v) }

// join replaces nodes by one: a copy of first with other inputs and attributes,
// that computes what last does.
func (f *fuser) join(first, last *onnxgraph.Node, op string, inputs []*onnxgraph.Value, attrs map[string]onnxgraph.Attr, between ...*onnxgraph.Node) *onnxgraph.Node {
	n := *first
	n.Op, n.Inputs, n.Outputs, n.Attrs = op, inputs, last.Outputs[:1], maps.Clone(first.Attrs)
	if n.Attrs == nil {
		n.Attrs = make(map[string]onnxgraph.Attr)
	}
	maps.Copy(n.Attrs, attrs)
	for _, b := range between {
		f.gone[b] = true
	}
	return &n
}

// floats returns a constant of float32 elements, nil if v is not that.
func (f *fuser) floats(v *onnxgraph.Value) ([]float32, []int) {
	if v == nil {
		return nil, nil
	}
	t, err := f.constant(v)
	if err != nil || t == nil {
		return nil, nil
	}
	x, _ := t.Data.([]float32)
	return x, t.Shape
}

// number returns a constant of one element, NaN if v is not that.
func (f *fuser) number(v *onnxgraph.Value) float64 {
	x, shape := f.floats(v)
	if len(x) != 1 || len(shape) > 1 {
		return math.NaN()
	}
	return float64(x[0])
}

// isFloat tells whether v is known to be of float32.
func (f *fuser) isFloat(v *onnxgraph.Value) bool { return f.shapes().Type(v) == onnxgraph.Float32 }

// likewise tells whether two values are known to be of one shape.
func (f *fuser) likewise(a, b *onnxgraph.Value) bool {
	x, ok1 := f.shapes().Shape(a)
	y, ok2 := f.shapes().Shape(b)
	return ok1 && ok2 && slices.Equal(x, y)
}

// constantValue makes a value of a tensor.
func (f *fuser) constantValue(name string, shape []int, data []float32) *onnxgraph.Value {
	v := &onnxgraph.Value{Name: name, Type: onnxgraph.Float32}
	f.consts[v] = &kernel.Tensor{Type: onnxgraph.Float32, Shape: shape, Data: data}
	return v
}

// relu takes Relu into the product before it.
func (f *fuser) relu(n *onnxgraph.Node) *onnxgraph.Node {
	p := f.inner(n.Inputs[0], "Conv", "FusedConv", "Gemm", "MatMul")
	if p == nil || p.Attrs["activation"].String != "" || !f.isFloat(p.Inputs[1]) {
		return nil
	}
	attrs := map[string]onnxgraph.Attr{"activation": {Kind: onnxgraph.AttrString, String: "Relu"}}
	return f.join(p, n, p.Op, p.Inputs, attrs, p)
}

// matMulBias takes the addition of a row into a product with a constant matrix.
func (f *fuser) matMulBias(n *onnxgraph.Node) *onnxgraph.Node {
	for i, v := range n.Inputs {
		p := f.inner(v, "MatMul")
		if p == nil || len(p.Inputs) != 2 {
			continue
		}
		bias := n.Inputs[1-i]
		_, matrix := f.floats(p.Inputs[1])
		if _, row := f.floats(bias); len(matrix) == 2 && len(row) == 1 && row[0] == matrix[1] && f.isFloat(p.Inputs[1]) && f.isFloat(bias) {
			return f.join(p, n, "MatMul", append(slices.Clone(p.Inputs), bias), nil, p)
		}
	}
	return nil
}

// batchNorm takes a normalization by given statistics into the weights of the
// convolution before it.
func (f *fuser) batchNorm(n *onnxgraph.Node) *onnxgraph.Node {
	p := f.inner(n.Inputs[0], "Conv")
	if p == nil || n.Attrs["training_mode"].Int != 0 || len(n.Inputs) != 5 {
		return nil
	}
	for _, v := range n.Outputs[1:] {
		if v != nil && f.wanted[v] {
			return nil
		}
	}
	w, shape := f.floats(p.Inputs[1])
	if w == nil || len(shape) < 3 {
		return nil
	}
	var bias []float32
	if len(p.Inputs) > 2 && p.Inputs[2] != nil {
		if bias, _ = f.floats(p.Inputs[2]); len(bias) != shape[0] {
			return nil
		}
	}
	var stats [4][]float32 // scale, bias, mean, variance
	for i := range stats {
		if stats[i], _ = f.floats(n.Inputs[i+1]); len(stats[i]) != shape[0] || shape[0] == 0 {
			return nil
		}
	}
	eps := 1e-5
	if a, ok := n.Attrs["epsilon"]; ok {
		eps = float64(a.Float)
	}
	scaled, shift, per := make([]float32, len(w)), make([]float32, shape[0]), len(w)/shape[0]
	for o := range shape[0] {
		by := float64(stats[0][o]) / math.Sqrt(float64(stats[3][o])+eps)
		for i, x := range w[o*per:][:per] {
			scaled[o*per+i] = float32(float64(x) * by)
		}
		before := -float64(stats[2][o])
		if bias != nil {
			before += float64(bias[o])
		}
		shift[o] = float32(before*by + float64(stats[1][o]))
	}
	weight, row := f.constantValue(p.Inputs[1].Name, shape, scaled), f.constantValue(n.Inputs[2].Name, shape[:1], shift)
	return f.join(p, n, "Conv", []*onnxgraph.Value{p.Inputs[0], weight, row}, nil, p)
}

// convSum takes the addition of a tensor of the same shape into a convolution.
func (f *fuser) convSum(n *onnxgraph.Node) *onnxgraph.Node {
	for i, v := range n.Inputs {
		p := f.inner(v, "Conv")
		other := n.Inputs[1-i]
		if p == nil || other == v || p.Attrs["activation"].String != "" || !f.isFloat(p.Inputs[1]) || !f.likewise(v, other) {
			continue
		}
		inputs := slices.Clone(p.Inputs)
		for len(inputs) < 3 {
			inputs = append(inputs, nil)
		}
		return f.join(p, n, "FusedConv", append(inputs, other), nil, p)
	}
	return nil
}
