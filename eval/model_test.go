package eval

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sketch is a model written down in a few lines: nodes as "Gemm x w b -> y",
// inputs and outputs as "x float32 batch 784".
type sketch struct {
	inputs, outputs []string
	nodes           []*onnxpb.NodeProto
	weights         []*onnxpb.TensorProto
}

var typesByName = map[string]onnxgraph.DataType{"float32": onnxgraph.Float32, "float64": onnxgraph.Float64, "float16": onnxgraph.Float16,
	"int64": onnxgraph.Int64, "int32": onnxgraph.Int32, "uint8": onnxgraph.Uint8, "bool": onnxgraph.Bool, "string": onnxgraph.String}

// value reads "x float32 batch 784".
func value(text string) *onnxpb.ValueInfoProto {
	words := strings.Fields(text)
	shape := &onnxpb.TensorShapeProto{}
	for _, w := range words[2:] {
		d := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: w}}
		if n := 0; w[0] >= '0' && w[0] <= '9' {
			for _, c := range w {
				n = 10*n + int(c-'0')
			}
			d.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(n)}
		}
		shape.Dim = append(shape.Dim, d)
	}
	return &onnxpb.ValueInfoProto{Name: &words[0], Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(typesByName[words[1]])), Shape: shape}}}}
}

// node reads "Gemm x w b -> y".
func node(text string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	words, outputs, _ := strings.Cut(text, "->")
	in := strings.Fields(words)
	return &onnxpb.NodeProto{OpType: &in[0], Input: in[1:], Output: strings.Fields(outputs), Attribute: attrs}
}

func intAttr(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
}

func bodyAttr(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_GRAPH.Enum(), G: g}
}

// weight makes a float32 or int64 constant.
func weight[T float32 | int64](name string, shape []int64, data ...T) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: &name, Dims: shape}
	for _, v := range data {
		switch v := any(v).(type) {
		case float32:
			t.DataType = proto.Int32(int32(onnxgraph.Float32))
			t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(v))
		case int64:
			t.DataType = proto.Int32(int32(onnxgraph.Int64))
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, uint64(v))
		}
	}
	return t
}

// waves are n numbers between -1 and 1 without order.
func waves(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(math.Sin(float64(i*i + 1)))
	}
	return out
}

func (s sketch) graph() *onnxpb.GraphProto {
	g := &onnxpb.GraphProto{Name: proto.String("g"), Node: s.nodes, Initializer: s.weights}
	for _, text := range s.inputs {
		g.Input = append(g.Input, value(text))
	}
	for _, text := range s.outputs {
		g.Output = append(g.Output, value(text))
	}
	return g
}

func (s sketch) model(t testing.TB) *onnxgraph.Model {
	t.Helper()
	m := onnxtest.Parse(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}, {Domain: proto.String(mlDomain), Version: proto.Int64(3)}}, Graph: s.graph()})
	t.Cleanup(func() { m.Close() })
	return m
}
