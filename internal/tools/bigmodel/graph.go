package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// sizes are those of a transformer.
type sizes struct {
	layers, width, ffn, heads, head, vocab int
	gated                                  bool
}

// graph is a model under construction.
type graph struct {
	proto   *onnxpb.GraphProto
	weights []*weight
}

// transformer is a stack of pre-norm blocks with full attention:
//
//	tokens int64 [1 t] -> logits float32 [1 t vocab]
func transformer(s sizes) *graph {
	g := &graph{proto: &onnxpb.GraphProto{Name: proto.String("transformer")}}
	g.proto.Input = append(g.proto.Input, value("tokens", onnxpb.TensorProto_INT64, "1", "t"))
	g.proto.Output = append(g.proto.Output, value("logits", onnxpb.TensorProto_FLOAT, "1", "t", fmt.Sprint(s.vocab)))
	g.ints("split", 0, 0, int64(s.heads), int64(s.head))
	g.ints("join", 0, 0, int64(s.heads*s.head))
	g.random("embed", s.vocab, s.width)
	g.node("Gather embed tokens -> x0")
	for l := range s.layers {
		g.layer(s, l)
	}
	last := fmt.Sprintf("x%d", 2*s.layers)
	g.norm(last, "final", s.width)
	g.random("head", s.width, s.vocab)
	g.node("MatMul final head -> logits")
	return g
}

// layer adds attention and feed-forward to the stream, x(2l) and x(2l+1).
func (g *graph) layer(s sizes, l int) {
	name := func(text string) string { return strings.ReplaceAll(text, "@", fmt.Sprintf("%d_", l)) }
	in, mid, out := fmt.Sprintf("x%d", 2*l), fmt.Sprintf("x%d", 2*l+1), fmt.Sprintf("x%d", 2*l+2)
	wide := s.heads * s.head
	g.norm(in, name("@n"), s.width)
	for _, p := range []string{"q", "k", "v"} {
		g.random(name("@w"+p), s.width, wide)
		g.node(name("MatMul @n @w" + p + " -> @m" + p))
		g.node(name("Reshape @m" + p + " split -> @s" + p))
	}
	g.node(name("Transpose @sq -> @q"), perm(0, 2, 1, 3))
	g.node(name("Transpose @sk -> @k"), perm(0, 2, 3, 1))
	g.node(name("Transpose @sv -> @v"), perm(0, 2, 1, 3))
	g.node(name("MatMul @q @k -> @raw"))
	g.scalar(name("@scale"), float32(1/math.Sqrt(float64(s.head))))
	g.node(name("Mul @raw @scale -> @scores"))
	g.node(name("Softmax @scores -> @p"), intAttr("axis", -1))
	g.node(name("MatMul @p @v -> @heads"))
	g.node(name("Transpose @heads -> @back"), perm(0, 2, 1, 3))
	g.node(name("Reshape @back join -> @joined"))
	g.random(name("@wo"), wide, s.width)
	g.node(name("MatMul @joined @wo -> @o"))
	g.node(name("Add " + in + " @o -> " + mid))
	g.norm(mid, name("@f"), s.width)
	g.random(name("@up"), s.width, s.ffn)
	g.random(name("@down"), s.ffn, s.width)
	g.node(name("MatMul @f @up -> @u"))
	if s.gated {
		g.random(name("@gate"), s.width, s.ffn)
		g.node(name("MatMul @f @gate -> @g"))
		g.node(name("Sigmoid @g -> @sig"))
		g.node(name("Mul @g @sig -> @swish"))
		g.node(name("Mul @u @swish -> @r"))
	} else {
		g.node(name("Relu @u -> @r"))
	}
	g.node(name("MatMul @r @down -> @d"))
	g.node(name("Add " + mid + " @d -> " + out))
}

// norm adds a LayerNormalization, with weights that differ between slots.
func (g *graph) norm(in, out string, width int) {
	g.add(out+"_gain", 1, width)
	g.add(out+"_bias", 1, width)
	g.node("LayerNormalization "+in+" "+out+"_gain "+out+"_bias -> "+out, intAttr("axis", -1))
}

// random adds a matrix whose columns have norm one on average.
func (g *graph) random(name string, rows, cols int) {
	g.add(name, 1/math.Sqrt(float64(rows)), rows, cols)
}

func (g *graph) add(name string, scale float64, shape ...int) {
	t := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	n := 1
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
		n *= d
	}
	g.weights = append(g.weights, &weight{t, n, scale})
}

// ints and scalar add small constants, which stay in the model file.
func (g *graph) ints(name string, v ...int64) {
	g.proto.Initializer = append(g.proto.Initializer, &onnxpb.TensorProto{Name: &name,
		DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v})
}

func (g *graph) scalar(name string, v float32) {
	g.proto.Initializer = append(g.proto.Initializer, &onnxpb.TensorProto{Name: &name,
		DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), RawData: binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))})
}

// node reads "MatMul a b -> c".
func (g *graph) node(text string, attrs ...*onnxpb.AttributeProto) {
	words, outputs, _ := strings.Cut(text, "->")
	in := strings.Fields(words)
	g.proto.Node = append(g.proto.Node, &onnxpb.NodeProto{OpType: &in[0], Input: in[1:], Output: strings.Fields(outputs), Attribute: attrs})
}

func perm(axes ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: axes}
}

func intAttr(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
}

// value declares an input or output; sizes that are no number are symbols.
func value(name string, t onnxpb.TensorProto_DataType, shape ...string) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}}
		n := int64(0)
		if _, err := fmt.Sscan(d, &n); err == nil {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}
		}
		s.Dim = append(s.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(t)), Shape: s}}}}
}
