package exec_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// inFloat64 reads the model in a file with every float32 in it as a float64:
// weights, inputs, outputs, and what casts give.
func inFloat64(t *testing.T, path string) *onnxgraph.Model {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	widenGraph(m.Graph)
	if data, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	wide, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return wide
}

func widenGraph(g *onnxpb.GraphProto) {
	for _, w := range g.Initializer {
		widenTensor(w)
	}
	for _, list := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range list {
			if typ := v.GetType().GetTensorType(); typ.GetElemType() == int32(onnxgraph.Float32) {
				typ.ElemType = proto.Int32(int32(onnxgraph.Float64))
			}
		}
	}
	for _, n := range g.Node {
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

func widenTensor(w *onnxpb.TensorProto) {
	if w.GetDataType() != int32(onnxgraph.Float32) {
		return
	}
	w.DataType = proto.Int32(int32(onnxgraph.Float64))
	for _, v := range w.FloatData {
		w.DoubleData = append(w.DoubleData, float64(v))
	}
	w.FloatData = nil
	var wide []byte
	for raw := w.RawData; len(raw) >= 4; raw = raw[4:] {
		v := math.Float32frombits(binary.LittleEndian.Uint32(raw))
		wide = binary.LittleEndian.AppendUint64(wide, math.Float64bits(float64(v)))
	}
	w.RawData = wide
}

// widenInputs returns inputs for a model read by inFloat64.
func widenInputs(in map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	out := make(map[string]*onnxgraph.Tensor)
	for name, t := range in {
		if t.Type == onnxgraph.Float32 {
			t = &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: t.Shape, Data: floats(t)}
		}
		out[name] = t
	}
	return out
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}
