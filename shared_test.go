package rebasin_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// written makes a model of nodes as "MatMul x w -> h", of one input x of shape
// 2×3, with outputs of any rank.
func written(t *testing.T, weights []*onnxpb.TensorProto, outputs []string, nodes ...*onnxpb.NodeProto) *onnxgraph.Model {
	t.Helper()
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxgraph.Float32))}
		for _, d := range dims {
			if tensor.Shape == nil {
				tensor.Shape = &onnxpb.TensorShapeProto{}
			}
			tensor.Shape.Dim = append(tensor.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}}
	}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Initializer: weights, Node: nodes, Input: []*onnxpb.ValueInfoProto{value("x", 2, 3)}}
	for _, name := range outputs {
		g.Output = append(g.Output, value(name))
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writtenNode(text string, ints map[string]int64) *onnxpb.NodeProto {
	words, outputs, _ := strings.Cut(text, "->")
	in := strings.Fields(words)
	n := &onnxpb.NodeProto{OpType: &in[0], Input: in[1:], Output: strings.Fields(outputs)}
	for name, v := range ints {
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v})
	}
	return n
}

func floats(name string, shape []int64, x ...float32) *onnxpb.TensorProto {
	p := &onnxpb.TensorProto{Name: &name, Dims: shape, DataType: proto.Int32(int32(onnxgraph.Float32))}
	for _, v := range x {
		p.RawData = binary.LittleEndian.AppendUint32(p.RawData, math.Float32bits(v))
	}
	return p
}

func random(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// Where a network says in a weight how many hidden units go one way and how many
// the other, two of them that say otherwise share only what holds for both.
func TestAlignThoseThatSteerOtherwise(t *testing.T) {
	network := func(seed uint64, cut float32) *onnxgraph.Model {
		rng := rand.New(rand.NewPCG(seed, 1))
		ints := func(name string, v int64) *onnxpb.TensorProto {
			return &onnxpb.TensorProto{Name: &name, Dims: []int64{1}, DataType: proto.Int32(int32(onnxgraph.Int64)), Int64Data: []int64{v}}
		}
		return written(t, []*onnxpb.TensorProto{
			floats("w", []int64{3, 8}, random(rng, 24)...), floats("v", []int64{8, 2}, random(rng, 16)...), floats("cut", []int64{1}, cut), ints("zero", 0), ints("one", 1),
		}, []string{"y", "s"},
			writtenNode("MatMul x w -> h", nil), writtenNode("Relu h -> r", nil), writtenNode("MatMul r v -> y", nil),
			writtenNode("Cast cut -> end", map[string]int64{"to": int64(onnxgraph.Int64)}),
			writtenNode("Slice r zero end one -> part", nil), writtenNode("ReduceSum part one -> s", map[string]int64{"keepdims": 0}))
	}
	for _, cut := range []float32{5, 3} {
		al, err := rebasin.Align(context.Background(), network(1, 5), network(2, cut), rebasin.Options{})
		if err != nil {
			t.Fatalf("units are cut at 5 and %v: %v", cut, err)
		}
		if moves := len(al.Spec.Groups) > 0; moves != (cut == 5) {
			t.Errorf("units are cut at 5 and %v: %d groups", cut, len(al.Spec.Groups))
		}
	}
}
