package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// mlp makes a network of Gemm and Relu with layers of the given sizes and random weights.
func mlp(sizes ...int) (*onnxgraph.Model, error) {
	g := &onnxpb.GraphProto{Name: proto.String("mlp"), Input: []*onnxpb.ValueInfoProto{floats("x0", sizes[0])}}
	last := len(sizes) - 1
	for i := range last {
		weight, bias, sum, next := fmt.Sprintf("w%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("s%d", i), fmt.Sprintf("x%d", i+1)
		g.Initializer = append(g.Initializer, random(weight, sizes[i+1], sizes[i]), random(bias, sizes[i+1]))
		if i == last-1 {
			sum = next
		}
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Gemm"), Input: []string{fmt.Sprintf("x%d", i), weight, bias},
			Output: []string{sum}, Attribute: []*onnxpb.AttributeProto{
				{Name: proto.String("transB"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}}})
		if sum != next {
			g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Relu"), Input: []string{sum}, Output: []string{next}})
		}
	}
	g.Output = []*onnxpb.ValueInfoProto{floats(fmt.Sprintf("x%d", last), sizes[last])}
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(13)}}})
	if err != nil {
		return nil, err
	}
	return onnxgraph.Parse(data, "")
}

// floats declares a matrix with a row for each example.
func floats(name string, width int) *onnxpb.ValueInfoProto {
	dims := []*onnxpb.TensorShapeProto_Dimension{
		{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
		{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(width)}},
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: &onnxpb.TensorShapeProto{Dim: dims}}}}}
}

// random makes a weight with elements of variance 1 by the number of columns.
func random(name string, shape ...int) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	n := 1
	for _, d := range shape {
		n *= d
		t.Dims = append(t.Dims, int64(d))
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	scale := 1 / math.Sqrt(float64(shape[len(shape)-1]))
	for range n {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(float32(scale*rng.NormFloat64())))
	}
	return t
}
