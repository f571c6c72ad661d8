package solver

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// loadPair reads a pair of shared/models.
func loadPair(t testing.TB, name string) (spec *permspec.Spec, a, b *onnxgraph.Model, opts Options) {
	t.Helper()
	dir := filepath.Join(shared.Dir(t), "models", name)
	var models [2]*onnxgraph.Model
	for k, file := range []string{"a.onnx", "b.onnx"} {
		m, err := onnxgraph.Load(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		models[k] = m
	}
	spec, err := permspec.Infer(models[0], permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inB := map[string]*onnxgraph.Weight{}
	for _, w := range models[1].Weights() {
		inB[w.Name] = w
	}
	opts.Counterpart = func(w *onnxgraph.Weight) *onnxgraph.Weight { return inB[w.Name] }
	opts.Exclude = func(w *onnxgraph.Weight) bool { return strings.Contains(w.Name, "running_") }
	return spec, models[0], models[1], opts
}

// reference is L2 before, and the best after of five seeds of the reference.
var reference = map[string][2]float64{
	"mnist_mlp": {68.7531, 53.7394}, "mnist_mlp_split": {52.1178, 44.2218},
	"cifar10_vgg": {30.6001, 26.8003}, "cifar10_vgg_folded": {42.4351, 31.8820}, "cifar10_resnet": {33.2097, 30.5476},
	"mnist_gru": {36.5523, 29.7392}, "mnist_concat": {32.3024, 27.5689}, "mnist_vit": {29.0687, 26.3610},
}

// TestMatchTrained holds Match to be no worse than the best of the reference's seeds.
func TestMatchTrained(t *testing.T) {
	for name, want := range reference {
		t.Run(name, func(t *testing.T) {
			spec, a, b, opts := loadPair(t, name)
			r, err := Match(context.Background(), spec, a, b, opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("l2 %.4f -> %.4f, reference %.4f; %.3f s", r.L2Before, r.L2After, want[1], r.Seconds)
			for _, s := range r.Starts {
				t.Logf("  %-9s objective %.4f, %d sweeps, %.3f s", s.Kind, s.Objective, s.Sweeps, s.Seconds)
			}
			if math.Abs(r.L2Before-want[0]) > 1e-3*want[0] {
				t.Errorf("l2 before is %.4f, want %.4f", r.L2Before, want[0])
			}
			if r.L2After > want[1]+5e-5 { // want is rounded
				t.Errorf("l2 after is %.4f, the reference gets %.4f", r.L2After, want[1])
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	for name := range reference {
		b.Run(name, func(b *testing.B) {
			spec, x, y, opts := loadPair(b, name)
			opts.Starts, opts.Threads = 1, 1
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Match(context.Background(), spec, x, y, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
