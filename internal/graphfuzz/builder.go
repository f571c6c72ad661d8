package graphfuzz

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// value is a float32 tensor that the model computes.
type value struct {
	name  string
	shape []int
}

func (v value) elements() int {
	n := 1
	for _, d := range v.shape {
		n *= d
	}
	return n
}

// builder grows one graph: the model's, a body, or what a function computes.
type builder struct {
	*common
	graph  *onnxpb.GraphProto
	main   bool            // the model's graph
	closed bool            // a function: no initializers, and nothing outside is seen
	pool   []value         // what parts may read
	read   map[string]bool // of the pool
}

// common is what the graphs of one model share.
type common struct {
	rng       *rand.Rand
	table     *Table
	opset     int64
	names     int
	functions []*onnxpb.FunctionProto
	kept      map[string][]string // initializers of the main graph by shape, to be used again
	parts     []string
	watched   map[string][]string // operators of the table, and the values they give
	sizes     map[string][]int    // shapes of the model's inputs
}

func newBuilder(c *common) *builder {
	return &builder{common: c, graph: &onnxpb.GraphProto{Name: proto.String(c.name("graph"))}, read: map[string]bool{}}
}

func (c *common) name(kind string) string {
	c.names++
	return fmt.Sprintf("%s%d", kind, c.names)
}

// part notes that the model has a part of a kind.
func (c *common) part(kind string) { c.parts = append(c.parts, kind) }

// chance is true once in n times.
func (c *common) chance(n int) bool { return c.rng.IntN(n) == 0 }

// size is a number of slots, often one that others have too.
func (c *common) size() int { return []int{2, 3, 4, 4, 6, 6, 8, 12}[c.rng.IntN(8)] }

func one[T any](c *common, choices ...T) T { return choices[c.rng.IntN(len(choices))] }

// node adds a node with one output and returns the output's name.
func (b *builder) node(op string, inputs []string, attrs ...*onnxpb.AttributeProto) string {
	return b.nodes("", op, 1, inputs, attrs...)[0]
}

// nodes adds a node and returns the names of its outputs.
func (b *builder) nodes(domain, op string, outputs int, inputs []string, attrs ...*onnxpb.AttributeProto) []string {
	n := &onnxpb.NodeProto{OpType: &op, Name: proto.String(b.name(op)), Input: inputs, Attribute: attrs}
	if domain != "" {
		n.Domain = &domain
	}
	for range outputs {
		n.Output = append(n.Output, b.name("v"))
	}
	b.graph.Node = append(b.graph.Node, n)
	return n.Output
}

func in(names ...string) []string { return names }

func intAttr(name string, v int) *onnxpb.AttributeProto {
	kind := onnxpb.AttributeProto_INT
	return &onnxpb.AttributeProto{Name: &name, Type: &kind, I: proto.Int64(int64(v))}
}

func intsAttr(name string, v ...int) *onnxpb.AttributeProto {
	kind := onnxpb.AttributeProto_INTS
	a := &onnxpb.AttributeProto{Name: &name, Type: &kind}
	for _, x := range v {
		a.Ints = append(a.Ints, int64(x))
	}
	return a
}

func textAttr(name, v string) *onnxpb.AttributeProto {
	kind := onnxpb.AttributeProto_STRING
	return &onnxpb.AttributeProto{Name: &name, Type: &kind, S: []byte(v)}
}

func bodyAttr(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
	kind := onnxpb.AttributeProto_GRAPH
	return &onnxpb.AttributeProto{Name: &name, Type: &kind, G: g}
}

// ints is a constant vector of int64, as an initializer or a node.
func (b *builder) ints(v ...int) string {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Int64)), Dims: []int64{int64(len(v))}}
	for _, x := range v {
		t.RawData = binary.LittleEndian.AppendUint64(t.RawData, uint64(x))
	}
	return b.constant(t)
}

// number is a constant scalar.
func (b *builder) number(x float64) string {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Float32)), RawData: appendFloat(nil, x)}
	return b.constant(t)
}

// constant stores a tensor as an initializer or a Constant node.
func (b *builder) constant(t *onnxpb.TensorProto) string {
	if b.closed || b.chance(3) {
		kind, name := onnxpb.AttributeProto_TENSOR, "value"
		return b.node("Constant", nil, &onnxpb.AttributeProto{Name: &name, Type: &kind, T: t})
	}
	return b.initializer(t)
}

func (b *builder) initializer(t *onnxpb.TensorProto) string {
	if b.closed {
		return b.constant(t)
	}
	t.Name = proto.String(b.name("w"))
	b.graph.Initializer = append(b.graph.Initializer, t)
	return t.GetName()
}

func appendFloat(b []byte, x float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
}

// give puts a value into the pool.
func (b *builder) give(name string, shape ...int) {
	if len(shape) == 0 {
		shape = []int{}
	}
	b.pool = append(b.pool, value{name, shape})
}

// take chooses a value, the younger the likelier.
func (b *builder) take() value {
	i := len(b.pool) - 1 - min(b.rng.IntN(len(b.pool)), b.rng.IntN(len(b.pool)))
	b.read[b.pool[i].name] = true
	return b.pool[i]
}

// unread lists the values that nothing has taken.
func (b *builder) unread() []value {
	var out []value
	for _, v := range b.pool {
		if !b.read[v.name] {
			out = append(out, v)
		}
	}
	return out
}

func dims(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

// info describes a value of the graph.
func info(name string, kind onnxgraph.DataType, shape []int) *onnxpb.ValueInfoProto {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: &onnxpb.TensorShapeProto{}}
	for _, d := range shape {
		t.Shape.Dim = append(t.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}}
}
