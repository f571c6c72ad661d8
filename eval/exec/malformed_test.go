package exec

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A node with too few inputs, or too many, behind one of the same kind is never
// a panic: whatever may be put together, with zero to six inputs each.
func TestFusionsOfMalformedNodes(t *testing.T) {
	for first := range operands {
		for last := range fusions {
			for k := range 7 * 7 {
				m, err := onnxgraph.Parse(twoNodes(t, first, k%7, last, k/7), "")
				if err != nil {
					t.Fatal(err)
				}
				s, err := New(m, Options{})
				if err != nil {
					t.Fatal(err)
				}
				x := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}
				s.Run(context.Background(), map[string]*onnxgraph.Tensor{"x": x}, nil)
				s.Close()
			}
		}
	}
}

// twoNodes is a model of first, whose inputs are x, and last, which reads what
// first computes and x again.
func twoNodes(t *testing.T, first string, m int, last string, n int) []byte {
	node := func(op, out, in string, n int) *onnxpb.NodeProto {
		p := &onnxpb.NodeProto{OpType: &op, Output: []string{out}}
		for i := range n {
			if i > 0 {
				in = "x"
			}
			p.Input = append(p.Input, in)
		}
		return p
	}
	value := func(name string) *onnxpb.ValueInfoProto {
		dims := &onnxpb.TensorShapeProto{}
		for range 2 {
			dims.Dim = append(dims.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 2}})
		}
		kind := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: dims}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: kind}}}
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String(fmt.Sprint(first, m, last, n)), Input: []*onnxpb.ValueInfoProto{value("x")},
			Output: []*onnxpb.ValueInfoProto{value("y")}, Node: []*onnxpb.NodeProto{node(first, "h", "x", m), node(last, "y", "h", n)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
