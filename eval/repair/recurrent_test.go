package repair

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

const (
	testIn, testHidden, testSteps = 5, 7, 6
)

// recurrentModel is one recurrent node on batches of sequences, with random weights.
func recurrentModel(t *testing.T, op string, gates, ways int, rng *rand.Rand, attrs ...*onnxpb.AttributeProto) *onnxgraph.Model {
	t.Helper()
	weight := func(name string, shape ...int64) *onnxpb.TensorProto {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		raw := make([]byte, 0, 4*n)
		for range n {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(0.5*rng.NormFloat64())))
		}
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: shape, RawData: raw}
	}
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			if d < 0 {
				shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}})
			} else {
				shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
			}
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: shape}}}}
	}
	w, g := int64(ways), int64(gates*testHidden)
	size := int64(testHidden)
	attrs = append(attrs, &onnxpb.AttributeProto{Name: proto.String("hidden_size"), Type: onnxpb.AttributeProto_INT.Enum(), I: &size})
	if ways == 2 {
		attrs = append(attrs, &onnxpb.AttributeProto{Name: proto.String("direction"), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte("bidirectional")})
	}
	swap := &onnxpb.AttributeProto{Name: proto.String("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{1, 0, 2}}
	m := &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"),
			Node: []*onnxpb.NodeProto{
				{OpType: proto.String("Transpose"), Input: []string{"x"}, Output: []string{"s"}, Attribute: []*onnxpb.AttributeProto{swap}},
				{OpType: &op, Input: []string{"s", "w", "r", "b"}, Output: []string{"y"}, Attribute: attrs}},
			Input:       []*onnxpb.ValueInfoProto{value("x", -1, testSteps, testIn)},
			Output:      []*onnxpb.ValueInfoProto{value("y", testSteps, w, -1, testHidden)},
			Initializer: []*onnxpb.TensorProto{weight("w", w, g, testIn), weight("r", w, g, testHidden), weight("b", w, 2*g)}}}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGatesAreFound: where both ends are one network, refitting a disturbed copy
// of it brings the network back.
func TestGatesAreFound(t *testing.T) {
	lbr := &onnxpb.AttributeProto{Name: proto.String("linear_before_reset"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}
	for _, c := range []struct {
		op          string
		gates, ways int
		attrs       []*onnxpb.AttributeProto
	}{{"LSTM", 4, 2, nil}, {"GRU", 3, 1, nil}, {"GRU", 3, 2, []*onnxpb.AttributeProto{lbr}}, {"RNN", 1, 2, nil}} {
		rng := rand.New(rand.NewPCG(uint64(c.gates), uint64(len(c.attrs))))
		a := recurrentModel(t, c.op, c.gates, c.ways, rng, c.attrs...)
		if len(recurrents(a)) != 1 {
			t.Fatalf("%s: %d nodes can be refitted, want 1", c.op, len(recurrents(a)))
		}
		numbers := map[*onnxgraph.Weight][]float64{}
		for _, w := range a.Weights() {
			x, err := a.Float64s(w)
			if err != nil {
				t.Fatal(err)
			}
			for i := range x {
				x[i] = 0.6*x[i] + 0.1*rng.NormFloat64()
			}
			numbers[w] = x
		}
		e := &edits{model: a, changed: map[*onnxgraph.Weight]bool{}}
		e.set(numbers)
		set := sequences(t, a, rng)
		got, _, err := Mend(context.Background(), []End{{Model: a, Part: 0.5}, {Model: a, Part: 0.5}}, e.model, LSQ, Options{Data: set})
		if err != nil {
			t.Fatal(err)
		}
		b := firstBatch(t, set)
		before, after := gapOf(t, a, e.model, b), gapOf(t, a, got, b)
		if after > before/50 {
			t.Errorf("%s of %d directions: outputs differ by %v, %v before", c.op, c.ways, after, before)
		}
	}
}

// sequences writes random sequences to a file and opens it.
func sequences(t *testing.T, m *onnxgraph.Model, rng *rand.Rand) *dataset.Set {
	t.Helper()
	x := make([]float32, 200*testSteps*testIn)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	head := "{'descr': '<f4', 'fortran_order': False, 'shape': (200, 6, 5), }"
	head += strings.Repeat(" ", 118-1-len(head)) + "\n"
	data := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0)
	data = append(data, head...)
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Open(path, dataset.Options{Inputs: eval.InputsOf(m)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
