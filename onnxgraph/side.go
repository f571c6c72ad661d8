package onnxgraph

import "strings"

// A side is one of the two models.
type side struct {
	model  *Model
	name   string
	shapes *ShapeInfo
	ids    map[*Value]int // values of equal ids are computed in the same way
	fold   bool
	folded map[*Value]bool // computed integers that are told by their elements

	products  map[*Node]int // ids of the products inside Gemm nodes
	quantized map[*Weight]bool
}

func newSide(m *Model) *side {
	s := &side{model: m, shapes: Shapes(m), quantized: map[*Weight]bool{}}
	s.findQuantized(m.Graph)
	return s
}

// steers reports whether a constant of type t says what is done, and so must be
// equal in two models of one architecture. Integers of 8 bits or fewer are
// quantized weights, and floating-point numbers weights.
func steers(t DataType) bool {
	switch t {
	case Int64, Uint64, Uint32, Bool, String, Int32:
		return true
	}
	return false
}

// findQuantized notes the weights that quantized operators read: their 32-bit
// integers are numbers like any other.
func (s *side) findQuantized(g *Graph) {
	for _, n := range g.Nodes {
		for _, a := range n.Attrs {
			for _, body := range bodies(a) {
				s.findQuantized(body)
			}
		}
		if !strings.HasPrefix(n.Op, "Q") && !strings.Contains(n.Op, "quantize") &&
			!strings.Contains(n.Op, "Quantize") && !strings.Contains(n.Op, "Integer") {
			continue
		}
		for _, v := range n.Inputs {
			if v = s.source(v); v != nil && v.Weight != nil {
				s.quantized[v.Weight] = true
			}
		}
	}
}

// source follows a value back through nodes that pass on what they read.
func (s *side) source(v *Value) *Value {
	for v != nil && v.Weight == nil && v.Producer != nil && v.Output == 0 && s.passes(v.Producer) {
		v = v.Producer.Inputs[0]
	}
	return v
}

// passes reports whether the first output of a node is its first input.
func (s *side) passes(n *Node) bool {
	if n.Domain != "" || len(n.Inputs) == 0 || n.Inputs[0] == nil || len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return false
	}
	switch n.Op {
	case "Identity":
		return true
	case "Cast":
		t := s.shapes.Type(n.Inputs[0])
		return t != Undefined && t == DataType(n.Attrs["to"].Int)
	case "Dropout":
		for i, v := range n.Outputs {
			if i > 0 && v != nil && len(v.Uses) > 0 {
				return false
			}
		}
		return len(n.Inputs) < 3 || n.Inputs[2] == nil || s.isFalse(n.Inputs[2])
	}
	return false
}

// isFalse reports whether a value is the constant false.
func (s *side) isFalse(v *Value) bool {
	ints, ok := s.shapes.Ints(v)
	return ok && len(ints) == 1 && ints[0] == Size(0)
}

// swappable lists the operators whose two inputs may be swapped.
var swappable = map[string]bool{
	"Add": true, "Mul": true, "Max": true, "Min": true, "Sum": true, "Mean": true,
	"And": true, "Or": true, "Xor": true, "Equal": true,
}

// inputs returns the inputs of a node as they are compared: without those that
// attrs tells, without nils at the end, and those of a swappable operator in
// the order of their ids, constants last.
func (s *side) inputs(n *Node) []*Value {
	moved := s.moved(n)
	in := make([]*Value, 0, len(n.Inputs))
	for i, v := range n.Inputs {
		if _, ok := moved[i]; ok {
			v = nil
		}
		in = append(in, v)
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	if n.Domain == "" && swappable[n.Op] && len(in) == 2 && s.before(in[1], in[0]) {
		in[0], in[1] = in[1], in[0]
	}
	return in
}

// before reports whether x stands before y among swappable inputs.
func (s *side) before(x, y *Value) bool {
	x, y = s.source(x), s.source(y)
	if x == nil || y == nil {
		return false
	}
	if xc, yc := x.Weight != nil, y.Weight != nil; xc != yc {
		return yc
	}
	return s.ids[x] < s.ids[y]
}
