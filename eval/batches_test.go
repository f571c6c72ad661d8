package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// batched takes batch samples at a time, any number of them where that is a name. Its outputs have two rows a sample.
func batched(t *testing.T, batch string) *onnxgraph.Model {
	return sketch{inputs: []string{"x float32 " + batch + " 4"}, outputs: []string{"y float32 " + batch + " 2 3"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Reshape h shape -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{4, 6}, waves(24)...), weight("shape", []int64{3}, int64(-1), 2, 3)}}.model(t)
}

// samples writes seven samples of four numbers each.
func samples(t *testing.T) string {
	var text strings.Builder
	for i, v := range waves(28) {
		fmt.Fprint(&text, v, string(",,,\n"[i%4]))
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Models that fix the size of a batch are judged side by side with others that fix another or none.
func TestFixedBatches(t *testing.T) {
	path := samples(t)
	for _, first := range []string{"N", "1", "2", "7", "9"} {
		a := batched(t, first)
		runners := []*Runner{runner(t, a, "onnx-go")}
		for _, other := range []string{"N", "1", "2", "3", "7", "10"} {
			runners = append(runners, runner(t, batched(t, other), "onnx-go"))
		}
		set := open(t, path, dataset.Options{Inputs: InputsOf(a), Labels: "none"})
		e, err := EvaluateAll(context.Background(), runners, set, EvaluateOptions{Batch: 5, Compare: true})
		if err != nil {
			t.Fatalf("batches of %s: %v", first, err)
		}
		for k := range runners {
			if e.Agreement[0][k] != 1 || e.KL[0][k] > 1e-12 {
				t.Errorf("batches of %s: model %d agrees in %g, KL %g", first, k, e.Agreement[0][k], e.KL[0][k])
			}
		}
	}
}

// Verify runs two models on the sizes that either fixes.
func TestVerifyFixedBatches(t *testing.T) {
	path := samples(t)
	free, three, four := batched(t, "N"), batched(t, "3"), batched(t, "4")
	for _, pair := range [][2]*onnxgraph.Model{{free, three}, {three, free}} {
		verify(t, pair[0], pair[1], VerifyOptions{}).want(t, Same, "")
		data := open(t, path, dataset.Options{Inputs: InputsOf(pair[0], pair[1]), Labels: "none"})
		verify(t, pair[0], pair[1], VerifyOptions{Data: data}).want(t, Same, "")
	}
	verify(t, three, four, VerifyOptions{}).want(t, Different, `input "x" is [3 4], but "x" is [4 4]`)
}

// Cut and Join are each other's inverse.
func TestCutJoin(t *testing.T) {
	x := &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{5, 2}, Data: []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	for size := range 7 {
		if size == 0 {
			continue
		}
		var parts []*onnxgraph.Tensor
		var counts []int
		for _, b := range (&dataset.Batch{N: 5, Inputs: map[string]*onnxgraph.Tensor{"x": x}}).Cut(size) {
			if got := b.Inputs["x"].Shape[0]; got != size {
				t.Fatalf("%d samples of %d", got, size)
			}
			parts, counts = append(parts, b.Inputs["x"]), append(counts, b.N)
		}
		if got := dataset.Join(parts, counts, size); !reflect.DeepEqual(got, x) {
			t.Errorf("by %d: %v", size, got)
		}
	}
}

// A model of one sample at a time may leave out the axis of samples: its scores are of one sample all the same.
func TestSqueezedOutput(t *testing.T) {
	path := samples(t)
	for _, last := range []string{"Identity h -> y", "Squeeze h first -> y"} {
		m := sketch{inputs: []string{"x float32 1 4"}, outputs: []string{"y float32"}, nodes: []*onnxpb.NodeProto{node("MatMul x w -> h"), node(last)},
			weights: []*onnxpb.TensorProto{weight("w", []int64{4, 5}, waves(20)...), weight("first", []int64{1}, int64(0))}}.model(t)
		other := sketch{inputs: []string{"x float32 N 4"}, outputs: []string{"y float32 N 5"}, nodes: []*onnxpb.NodeProto{node("MatMul x w -> y")},
			weights: []*onnxpb.TensorProto{weight("w", []int64{4, 5}, waves(20)...)}}.model(t)
		for _, first := range []*onnxgraph.Model{m, other} {
			set := open(t, path, dataset.Options{Inputs: InputsOf(first), Labels: "none"})
			e, err := EvaluateAll(context.Background(), []*Runner{runner(t, first, "onnx-go"), runner(t, m, "onnx-go")}, set, EvaluateOptions{Loss: LossLogits, Compare: true})
			if err != nil {
				t.Fatal(err)
			}
			if e.KL == nil || e.KL[0][1] > 1e-9 {
				t.Errorf("%s: %v apart from itself", last, e.KL)
			}
		}
	}
}
