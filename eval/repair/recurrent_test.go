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
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

const (
	testIn, testHidden, testSteps = 5, 7, 6
)

// recurrentModel is one recurrent node on batches of sequences, with random weights.
func recurrentModel(t *testing.T, op string, gates, ways int, rng *rand.Rand, attrs ...*onnxpb.AttributeProto) *onnxgraph.Model {
	t.Helper()
	w, g := int64(ways), int64(gates*testHidden)
	next := func() float64 { return 0.5 * rng.NormFloat64() }
	attrs = append(attrs, whole("hidden_size", testHidden))
	if ways == 2 {
		attrs = append(attrs, &onnxpb.AttributeProto{Name: proto.String("direction"), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte("bidirectional")})
	}
	return onnxtest.Of(t, &onnxpb.GraphProto{
		Node: []*onnxpb.NodeProto{
			node("Transpose", "s", []string{"x"}, wholes("perm", 1, 0, 2)),
			node(op, "y", []string{"s", "w", "r", "b"}, attrs...),
		},
		Initializer: []*onnxpb.TensorProto{filled("w", next, w, g, testIn), filled("r", next, w, g, testHidden), filled("b", next, w, 2*g)},
		Input:       []*onnxpb.ValueInfoProto{batches("x", -1, testSteps, testIn)},
		Output:      []*onnxpb.ValueInfoProto{batches("y", testSteps, w, -1, testHidden)},
	})
}

// TestGatesAreFound: where both ends are one network, refitting a disturbed copy
// of it brings the network back.
func TestGatesAreFound(t *testing.T) {
	lbr := whole("linear_before_reset", 1)
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
