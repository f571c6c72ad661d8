package onnxgraph

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Whatever shapes, constants and attributes a node has, inference neither
// panics nor gives a negative size.
func TestShapesOfNonsense(t *testing.T) {
	keys := slices.SortedFunc(maps.Keys(shapeRules), func(a, b opKey) int {
		return strings.Compare(a.domain+a.op, b.domain+b.op)
	})
	rng := rand.New(rand.NewPCG(3, 4))
	for _, key := range keys {
		for range 40 {
			n := &nonsense{rng: rng, numbers: map[*Weight][]elem{}}
			g := n.graph(key, 2)
			s := inferShapes(g, func(w *Weight) []elem { return n.numbers[w] })
			eachValue(g, func(v *Value) {
				dims, _ := s.Shape(v)
				for _, d := range dims {
					if size, known := d.Known(); known && size < 0 {
						t.Fatalf("%s gives %v", v.Producer.Op, dims)
					}
				}
			})
		}
	}
}

// nonsense makes random nodes.
type nonsense struct {
	rng     *rand.Rand
	numbers map[*Weight][]elem
}

// graph returns a few nodes of one operator that read each other's outputs.
func (n *nonsense) graph(key opKey, depth int) *Graph {
	g := &Graph{}
	var values []*Value
	for range n.rng.IntN(4) {
		v := n.value(g)
		if v != nil {
			g.Inputs = append(g.Inputs, v)
		}
		values = append(values, v)
	}
	for range 1 + n.rng.IntN(3) {
		node := &Node{Op: key.op, Domain: key.domain, Version: 1 + n.rng.Int64N(24), Graph: g}
		for range n.rng.IntN(6) {
			values = append(values, n.value(g), n.constant())
			node.Inputs = append(node.Inputs, values[n.rng.IntN(len(values))])
		}
		node.Attrs = n.attrs(key, depth)
		for i := range 1 + n.rng.IntN(4) {
			v := &Value{Name: "v", Producer: node, Output: i, Graph: g}
			node.Outputs, values = append(node.Outputs, v), append(values, v)
		}
		g.Nodes = append(g.Nodes, node)
	}
	for range n.rng.IntN(5) {
		if v := values[n.rng.IntN(len(values))]; v != nil {
			g.Outputs = append(g.Outputs, v)
		}
	}
	return g
}

// value returns a value of random shape, or nil.
func (n *nonsense) value(g *Graph) *Value {
	if n.rng.IntN(8) == 0 {
		return nil
	}
	v := &Value{Name: "x", Type: DataType(n.rng.IntN(12)), HasShape: n.rng.IntN(6) > 0, Graph: g}
	for range n.rng.IntN(6) {
		sizes := []Dim{Size(n.rng.Int64N(9)), Size(math.MaxInt64), Symbol("N"), Symbol("h"), Symbol("")}
		v.Declared = append(v.Declared, sizes[n.rng.IntN(len(sizes))])
	}
	return v
}

// integer returns a small number, or one at the end of the range.
func (n *nonsense) integer() int64 {
	ends := []int64{math.MaxInt64, math.MinInt64, math.MaxInt32, math.MinInt32, 1 << 40, 0}
	if n.rng.IntN(6) == 0 {
		return ends[n.rng.IntN(len(ends))]
	}
	return n.rng.Int64N(13) - 4
}

// constant returns a scalar, vector or matrix of random numbers.
func (n *nonsense) constant() *Value {
	w := &Weight{Type: []DataType{Int64, Float32, Bool, Int32}[n.rng.IntN(4)], Shape: []int64{}}
	size := int64(1)
	for range n.rng.IntN(3) {
		d := n.rng.Int64N(5)
		w.Shape = append(w.Shape, d)
		size *= d
	}
	elems := []elem{}
	for range size {
		e := whole(Size(n.integer()))
		if w.Type == Float32 && n.rng.IntN(2) == 0 {
			e = number([]float64{.5, -2.25, math.Inf(1), math.NaN(), 1e30, 1 / 3.}[n.rng.IntN(6)])
		}
		elems = append(elems, e)
	}
	n.numbers[w] = elems
	return &Value{Weight: w, Type: w.Type}
}

// attrNames are the attributes that rules read.
var attrNames = strings.Fields(`axis axes keepdims perm shape split num_outputs starts ends pads paddings
	kernel_shape strides dilations auto_pad ceil_mode group output_padding output_shape channels_last
	transA transB equation allowzero start end to dtype blocksize border scale scales height_scale
	width_scale k depth hidden_size direction layout num_heads kv_num_heads q_num_heads qkv_hidden_sizes
	batch_dims value value_ints value_int value_floats ngram_indexes onesided inverse N sample_size
	reduction noop_with_empty_axes num_scan_inputs scan_input_axes scan_output_axes pooled_shape
	keep_aspect_ratio_policy inputdimensions targets n_targets fmod select_last_index broadcast`)

func (n *nonsense) attrs(key opKey, depth int) map[string]Attr {
	texts := []string{"SAME_UPPER", "VALID", "ij,jk->ik", "...i->i...", "none", "bidirectional", "not_larger", "..,,->"}
	attrs := map[string]Attr{}
	for range n.rng.IntN(7) {
		a := Attr{Kind: AttrKind(1 + n.rng.IntN(8)), Int: n.integer(), Float: float32(n.integer())}
		a.String = texts[n.rng.IntN(len(texts))]
		for range n.rng.IntN(5) {
			a.Ints, a.Floats = append(a.Ints, n.integer()), append(a.Floats, float32(n.integer()))
			a.Strings = append(a.Strings, "x")
		}
		if a.Kind == AttrTensor {
			a.Weight = n.constant().Weight
		}
		attrs[attrNames[n.rng.IntN(len(attrNames))]] = a
	}
	if _, body := controlShapes[key.op]; body && depth > 0 {
		for _, name := range []string{"body", "then_branch", "else_branch"} {
			attrs[name] = Attr{Kind: AttrGraph, Graph: n.graph(key, depth-1)}
		}
	}
	return attrs
}
