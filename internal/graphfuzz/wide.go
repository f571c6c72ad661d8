package graphfuzz

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// widened is the model with float64 in the place of float32.
func widened(m *onnxpb.ModelProto) *onnxpb.ModelProto {
	m = proto.Clone(m).(*onnxpb.ModelProto)
	widenGraph(m.Graph)
	for _, f := range m.Functions {
		widenNodes(f.Node)
	}
	return m
}

func widenGraph(g *onnxpb.GraphProto) {
	for _, t := range g.Initializer {
		widenTensor(t)
	}
	for _, list := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range list {
			if t := v.GetType().GetTensorType(); t.GetElemType() == int32(onnxgraph.Float32) {
				t.ElemType = proto.Int32(int32(onnxgraph.Float64))
			}
		}
	}
	widenNodes(g.Node)
}

func widenNodes(nodes []*onnxpb.NodeProto) {
	for _, n := range nodes {
		for _, a := range n.Attribute {
			switch {
			case a.T != nil:
				widenTensor(a.T)
			case a.G != nil:
				widenGraph(a.G)
			case n.GetOpType() == "Cast" && a.GetName() == "to" && a.GetI() == int64(onnxgraph.Float32):
				a.I = proto.Int64(int64(onnxgraph.Float64))
			}
		}
	}
}

func widenTensor(t *onnxpb.TensorProto) {
	if t.GetDataType() != int32(onnxgraph.Float32) {
		return
	}
	t.DataType = proto.Int32(int32(onnxgraph.Float64))
	raw := []byte{}
	for _, v := range t.FloatData {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)))
	}
	for i := 0; i+4 <= len(t.RawData); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(t.RawData[i:]))
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)))
	}
	t.FloatData, t.RawData = nil, raw
}
