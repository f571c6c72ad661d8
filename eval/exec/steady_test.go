package exec_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

var trained = []string{"mnist_mlp", "cifar10_vgg", "cifar10_resnet", "cifar10_resnet_folded", "mnist_concat", "mnist_gru", "mnist_vit", "mnist_vit_op17"}

// Outputs have the same bits on any number of threads.
func TestThreadsDoNotShow(t *testing.T) {
	for _, name := range trained {
		dir := filepath.Join(shared.Dir(t), "models", name)
		var want map[string]*onnxgraph.Tensor
		for _, threads := range []int{1, 2, 3, 8} {
			m, s := load(t, filepath.Join(dir, "a.onnx"), exec.Options{Threads: threads})
			x := map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: repeated(array(t, filepath.Join(dir, "golden.npz"), "x"), 3)}
			got, err := s.Run(context.Background(), x, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d threads give other outputs than 1", name, threads)
			}
		}
	}
}

// So do those of models in float64.
func TestThreadsDoNotShowInFloat64(t *testing.T) {
	for _, name := range []string{"mnist_mlp", "cifar10_resnet", "mnist_vit"} {
		dir := filepath.Join(shared.Dir(t), "models", name)
		m := inFloat64(t, filepath.Join(dir, "a.onnx"))
		x := repeated(array(t, filepath.Join(dir, "golden.npz"), "x"), 1)
		inputs := widenInputs(map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: x})
		var want map[string]*onnxgraph.Tensor
		for _, threads := range []int{1, 2, 5} {
			s, err := exec.New(m, exec.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Run(context.Background(), inputs, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s in float64: %d threads give other outputs than 1", name, threads)
			}
			s.Close()
		}
		m.Close()
	}
}

// After the first runs, a run allocates bookkeeping only: memory that does not
// grow with the batch.
func TestSteadyState(t *testing.T) {
	if raced {
		t.Skip("under the race detector pools forget")
	}
	for _, name := range trained {
		dir := filepath.Join(shared.Dir(t), "models", name)
		m, s := load(t, filepath.Join(dir, "a.onnx"), exec.Options{Threads: 1})
		x := array(t, filepath.Join(dir, "golden.npz"), "x")
		small := allocated(t, m, s, x)
		large := allocated(t, m, s, repeated(x, 4))
		t.Logf("%s: %d B in a run of %d examples, %d B of %d", name, small, x.Shape[0], large, 4*x.Shape[0])
		if large > small+16<<10 {
			t.Errorf("%s: a run of %d examples allocates %d B, one of %d %d B", name, x.Shape[0], small, 4*x.Shape[0], large)
		}
	}
}

// allocated returns how many bytes a run allocates, once memory is in place.
func allocated(t *testing.T, m *onnxgraph.Model, s *exec.Session, x *onnxgraph.Tensor) uint64 {
	inputs := map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: x}
	best := uint64(1 << 62)
	var before, after runtime.MemStats
	for range 6 { // the collector may take working storage of products away: the best run counts
		runtime.ReadMemStats(&before)
		if _, err := s.Run(context.Background(), inputs, nil); err != nil {
			t.Fatal(fmt.Errorf("%d examples: %w", x.Shape[0], err))
		}
		runtime.ReadMemStats(&after)
		best = min(best, after.TotalAlloc-before.TotalAlloc)
	}
	return best
}
