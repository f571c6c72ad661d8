package exec

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Formulas that exporters write out where the opset has no operator for them.

// near tells whether a constant is a number, but for rounding.
func near(x, want float64) bool { return math.Abs(x-want) <= 1e-5*want }

// other returns the operand of n that stands beside the given constant: either
// one, but for a division, whose divisor must be the constant.
func (f *fuser) other(n *onnxgraph.Node, constant float64) *onnxgraph.Value {
	for i, v := range n.Inputs {
		if near(f.number(v), constant) && (i == 1 || n.Op != "Div") {
			return n.Inputs[1-i]
		}
	}
	return nil
}

// gelu recognises x·(1 + erf(x/√2))/2, the half taken last or first.
func (f *fuser) gelu(n *onnxgraph.Node) *onnxgraph.Node {
	if whole := f.other(n, 0.5); whole != nil { // (x·(1+erf))·½
		m := f.inner(whole, "Mul")
		if m == nil {
			return nil
		}
		for i, x := range m.Inputs {
			if nodes := f.erfOf(m.Inputs[1-i], x); nodes != nil {
				return f.join(n, n, "Gelu", []*onnxgraph.Value{x}, nil, append(nodes, m)...)
			}
		}
		return nil
	}
	for i, v := range n.Inputs { // (½·x)·(1+erf)
		h := f.inner(v, "Mul")
		if h == nil {
			continue
		}
		if x := f.other(h, 0.5); x != nil {
			if nodes := f.erfOf(n.Inputs[1-i], x); nodes != nil {
				return f.join(n, n, "Gelu", []*onnxgraph.Value{x}, nil, append(nodes, h)...)
			}
		}
	}
	return nil
}

// erfOf returns the nodes that compute v = 1 + erf(x/√2), nil if that is not
// what v is.
func (f *fuser) erfOf(v, x *onnxgraph.Value) []*onnxgraph.Node {
	sum := f.inner(v, "Add")
	if sum == nil || !f.isFloat(x) {
		return nil
	}
	e := f.inner(f.other(sum, 1), "Erf")
	if e == nil {
		return nil
	}
	d := f.inner(e.Inputs[0], "Div", "Mul")
	if d == nil || d.Op == "Div" && f.other(d, math.Sqrt2) != x || d.Op == "Mul" && f.other(d, math.Sqrt2/2) != x {
		return nil
	}
	return []*onnxgraph.Node{sum, e, d}
}

// layerNorm recognises (x - mean)/√(variance + ε) along the last axis.
func (f *fuser) layerNorm(n *onnxgraph.Node) *onnxgraph.Node {
	centred := f.by[n.Inputs[0]]
	root := f.inner(n.Inputs[1], "Sqrt")
	if centred == nil || centred.Op != "Sub" || centred.Domain != "" || root == nil || !f.isFloat(centred.Inputs[0]) {
		return nil
	}
	x, d := centred.Inputs[0], centred.Outputs[0]
	mean, sum := f.inner(centred.Inputs[1], "ReduceMean"), f.inner(root.Inputs[0], "Add")
	if mean == nil || sum == nil || mean.Inputs[0] != x || !f.lastAxis(mean) {
		return nil
	}
	for i, v := range sum.Inputs {
		variance, eps := f.inner(v, "ReduceMean"), f.number(sum.Inputs[1-i])
		if variance == nil || !(eps >= 0) || !f.lastAxis(variance) {
			continue
		}
		square := f.inner(variance.Inputs[0], "Pow", "Mul")
		if square == nil || square.Inputs[0] != d || square.Op == "Pow" && f.number(square.Inputs[1]) != 2 || square.Op == "Mul" && square.Inputs[1] != d {
			return nil
		}
		nodes := []*onnxgraph.Node{root, mean, sum, variance, square}
		uses := 2 // of d: the square, once or twice, and the division
		if square.Op == "Mul" {
			uses = 3
		}
		if len(d.Uses) != uses || f.isOutput(d) {
			return nil
		}
		attrs := map[string]onnxgraph.Attr{"epsilon": {Kind: onnxgraph.AttrFloat, Float: float32(eps)}, "axis": {Kind: onnxgraph.AttrInt, Int: -1}}
		return f.join(n, n, "LayerNormalization", []*onnxgraph.Value{x, nil, nil}, attrs, append(nodes, centred)...)
	}
	return nil
}

// lastAxis tells whether a reduction folds the last axis, and keeps it.
func (f *fuser) lastAxis(n *onnxgraph.Node) bool {
	if keep, ok := n.Attrs["keepdims"]; ok && keep.Int == 0 {
		return false
	}
	axes := n.Attrs["axes"].Ints
	if len(n.Inputs) > 1 && n.Inputs[1] != nil {
		t, err := f.constant(n.Inputs[1])
		if err != nil || t == nil {
			return false
		}
		axes, _ = t.Data.([]int64)
	}
	if len(axes) != 1 {
		return false
	}
	dims, ranked := f.shapes().Shape(n.Inputs[0])
	return axes[0] == -1 || ranked && axes[0] == int64(len(dims)-1)
}

// layerNormScale takes the multiplication by a row into the normalization.
func (f *fuser) layerNormScale(n *onnxgraph.Node) *onnxgraph.Node { return f.layerNormRow(n, 1) }

// layerNormBias takes the addition of a row into the normalization.
func (f *fuser) layerNormBias(n *onnxgraph.Node) *onnxgraph.Node { return f.layerNormRow(n, 2) }

func (f *fuser) layerNormRow(n *onnxgraph.Node, at int) *onnxgraph.Node {
	for i, v := range n.Inputs {
		p, row := f.inner(v, "LayerNormalization"), n.Inputs[1-i]
		if p == nil || len(p.Inputs) != 3 || p.Inputs[2] != nil || p.Inputs[at] != nil {
			continue
		}
		x, shape := f.floats(row)
		dims, ranked := f.shapes().Shape(p.Inputs[0])
		if x == nil || len(shape) != 1 || !ranked || len(dims) == 0 || dims[len(dims)-1] != onnxgraph.Size(int64(shape[0])) {
			continue
		}
		if axis, ok := p.Attrs["axis"]; ok && axis.Int != -1 {
			continue
		}
		inputs := []*onnxgraph.Value{p.Inputs[0], p.Inputs[1], p.Inputs[2]}
		inputs[at] = row
		return f.join(p, n, p.Op, inputs, nil, p)
	}
	return nil
}
