package repair

import (
	"encoding/binary"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// pairOf puts b into a's graph and averages the two.
func pairOf(t *testing.T, a, b *onnxgraph.Model) *pair {
	t.Helper()
	p := &pair{a: a}
	pairs, err := onnxgraph.Correspond(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if p.b, err = solver.Lerp(a, b, func(w *onnxgraph.Weight) *onnxgraph.Weight { return pairs.Weights[w] }, 1); err != nil {
		t.Fatal(err)
	}
	p.mean(t)
	return p
}

func (p *pair) mean(t *testing.T) {
	t.Helper()
	var err error
	if p.average, err = solver.Lerp(p.a, p.b, nil, 0.5); err != nil {
		t.Fatal(err)
	}
}

// filled is a float32 initializer of the numbers that next returns.
func filled(name string, next func() float64, shape ...int64) *onnxpb.TensorProto {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	var raw []byte
	for range n {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(next())))
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: shape, RawData: raw}
}

// batches declares a float32 input or output; the dimension below zero is called n.
func batches(name string, shape ...int64) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d < 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}
		}
		s.Dim = append(s.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: s}}}}
}

func node(op, out string, in []string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}, Attribute: attrs}
}

func whole(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
}

func wholes(name string, v ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: v}
}
