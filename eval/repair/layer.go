package repair

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// layer is a node that is linear in what it reads, with a weight of its own:
//
//	out[o] = Σ_c W[c,o]·x[c] + b[o]
//
// for each of its rows: the places of a sequence or picture, see window. out is
// what comes after the bias and, when one follows, after BatchNormalization.
type layer struct {
	node   *onnxgraph.Node
	x, out *onnxgraph.Value
	weight *onnxgraph.Weight
	bias   *onnxgraph.Weight // nil: none
	norm   *norm             // nil: none

	groups     int
	cols, outs int   // of one group
	col, to    []int // the element of W[c,o] in group g is weight[g·group + col[c] + to[o]]
	group      int
	scale      float64 // the node multiplies its weight by this
	xAxis      int     // of the features in x, from the end
	outAxis    int
	window     *window // of a convolution; nil: a row of out reads the same row of x
}

// norm is a BatchNormalization whose numbers only this layer's output meets.
type norm struct {
	node                    *onnxgraph.Node
	gamma, beta, mean, vari *onnxgraph.Weight
	epsilon                 float64
}

// finder looks for layers.
type finder struct {
	model *onnxgraph.Model
	uses  map[*onnxgraph.Weight]int
}

func newFinder(m *onnxgraph.Model) *finder {
	f := &finder{m, map[*onnxgraph.Weight]int{}}
	everyNode(m.Graph, func(n *onnxgraph.Node) {
		for _, v := range n.Inputs {
			if v != nil && v.Weight != nil {
				f.uses[v.Weight]++
			}
		}
	})
	return f
}

// everyNode visits the nodes of a graph and of the bodies in it.
func everyNode(g *onnxgraph.Graph, visit func(*onnxgraph.Node)) {
	for _, n := range g.Nodes {
		visit(n)
		for _, a := range n.Attrs {
			for _, body := range append(slices.Clone(a.Graphs), a.Graph) {
				if body != nil {
					everyNode(body, visit)
				}
			}
		}
	}
}

// layersOf lists the layers of the main graph in order.
func layersOf(m *onnxgraph.Model) []*layer {
	f := newFinder(m)
	var out []*layer
	for _, n := range m.Graph.Nodes {
		if l := f.layer(n); l != nil {
			out = append(out, l)
		}
	}
	return out
}

func (f *finder) layer(n *onnxgraph.Node) *layer {
	if n.Domain != "" || len(n.Inputs) < 2 || len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return nil
	}
	var l *layer
	switch n.Op {
	case "Gemm":
		l = f.gemm(n)
	case "MatMul":
		l = f.matMul(n)
	case "Conv", "ConvTranspose":
		l = f.conv(n)
	}
	if l == nil || l.x == nil || l.x.Weight != nil {
		return nil
	}
	l.node = n
	f.follow(l)
	return l
}

// own returns the weight that a value is, when it is replaceable and nobody else
// reads it; flipped says that it is read through a transposition.
func (f *finder) own(v *onnxgraph.Value) (w *onnxgraph.Weight, flipped bool) {
	for v != nil && len(v.Uses) == 1 {
		if v.Weight != nil {
			if f.uses[v.Weight] == 1 && v.Weight.Replaceable() && v.Weight.Type.IsFloat() {
				return v.Weight, flipped
			}
			return nil, false
		}
		n := v.Producer
		if n == nil || len(n.Inputs) == 0 {
			return nil, false
		}
		switch n.Op {
		case "Identity":
		case "Transpose":
			if p := n.Attrs["perm"].Ints; p != nil && !slices.Equal(p, []int64{1, 0}) {
				return nil, false
			}
			flipped = !flipped
		default:
			return nil, false
		}
		v = n.Inputs[0]
	}
	return nil, false
}

// vector is own for a weight of n numbers, all of whose axes but axis have size 1.
func (f *finder) vector(v *onnxgraph.Value, n, axis int) *onnxgraph.Weight {
	w, flipped := f.own(v)
	if w == nil || flipped || w.Elements() != int64(n) || len(w.Shape) < axis || w.Shape[len(w.Shape)-axis] != int64(n) {
		return nil
	}
	return w
}

// matrix makes the layer of a weight of rank 2 whose features of x are rows, or
// columns when flipped.
func (f *finder) matrix(v *onnxgraph.Value, flip bool) *layer {
	w, flipped := f.own(v)
	if w == nil || len(w.Shape) != 2 || w.Elements() == 0 {
		return nil
	}
	rows, cols := int(w.Shape[0]), int(w.Shape[1])
	l := &layer{weight: w, groups: 1, scale: 1, xAxis: 1, outAxis: 1}
	if flip != flipped {
		l.cols, l.outs, l.col, l.to = cols, rows, steps(cols, 1), steps(rows, cols)
	} else {
		l.cols, l.outs, l.col, l.to = rows, cols, steps(rows, cols), steps(cols, 1)
	}
	return l
}

func steps(n, step int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i * step
	}
	return out
}

func (f *finder) gemm(n *onnxgraph.Node) *layer {
	if n.Attrs["transA"].Int != 0 {
		return nil
	}
	l := f.matrix(n.Inputs[1], n.Attrs["transB"].Int != 0)
	if l == nil {
		return nil
	}
	if a, ok := n.Attrs["alpha"]; ok {
		l.scale = float64(a.Float)
	}
	l.x, l.out = n.Inputs[0], n.Outputs[0]
	if beta, ok := n.Attrs["beta"]; len(n.Inputs) > 2 && n.Inputs[2] != nil && (!ok || beta.Float == 1) {
		l.bias = f.vector(n.Inputs[2], l.outs, 1)
	}
	return l
}

// matMul is X·W, or W·X with the features on the last axis but one.
func (f *finder) matMul(n *onnxgraph.Node) *layer {
	l := f.matrix(n.Inputs[1], false)
	if l != nil {
		l.x = n.Inputs[0]
	} else if l = f.matrix(n.Inputs[0], true); l != nil {
		l.x, l.xAxis, l.outAxis = n.Inputs[1], 2, 2
	} else {
		return nil
	}
	l.out = n.Outputs[0]
	if next := only(l.out, "Add"); next != nil {
		for _, v := range next.Inputs {
			if b := f.vector(v, l.outs, l.outAxis); b != nil {
				l.bias, l.out = b, next.Outputs[0]
			}
		}
	}
	return l
}

// only returns the node that alone reads v, if it is of the given operator.
func only(v *onnxgraph.Value, op string) *onnxgraph.Node {
	if len(v.Uses) != 1 || slices.Contains(v.Graph.Outputs, v) || v.Uses[0].Node.Op != op || v.Uses[0].Node.Graph != v.Graph {
		return nil
	}
	return v.Uses[0].Node
}

// follow takes in the BatchNormalization after a layer.
func (f *finder) follow(l *layer) {
	n := only(l.out, "BatchNormalization")
	if n == nil || n.Domain != "" || l.outAxis != 1 && l.window == nil {
		return
	}
	if b := f.norm(n); b != nil && b.mean.Elements() == int64(l.groups*l.outs) && f.uses[b.mean] == 1 && b.mean.Replaceable() {
		l.norm, l.out = b, n.Outputs[0]
	}
}

// norm reads a BatchNormalization with frozen statistics; nil when its numbers
// are not plain weights. Only the mean and variance need be the node's own.
func (f *finder) norm(n *onnxgraph.Node) *norm {
	if len(n.Inputs) != 5 || n.Attrs["training_mode"].Int != 0 || n.Attrs["is_test"].Kind != 0 && n.Attrs["is_test"].Int == 0 {
		return nil
	}
	b := &norm{node: n, epsilon: 1e-5}
	if e, ok := n.Attrs["epsilon"]; ok {
		b.epsilon = float64(e.Float)
	}
	for i, at := range []**onnxgraph.Weight{&b.gamma, &b.beta, &b.mean, &b.vari} {
		v := n.Inputs[i+1]
		for v != nil && v.Producer != nil && v.Weight == nil && v.Producer.Op == "Identity" {
			v = v.Producer.Inputs[0]
		}
		if v == nil || v.Weight == nil || !v.Weight.Type.IsFloat() {
			return nil
		}
		*at = v.Weight
	}
	return b
}
