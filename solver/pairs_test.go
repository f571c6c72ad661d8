package solver

import (
	"context"
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
	"mnist_mlp": {68.7531, 53.739}, "cifar10_vgg": {30.6001, 26.801}, "cifar10_vgg_folded": {42.4351, 31.882},
	"cifar10_resnet": {33.2097, 30.562}, "mnist_gru": {36.5523, 29.739}, "mnist_concat": {32.3024, 27.569}, "mnist_vit": {29.0687, 26.361},
}

func TestMatchTrained(t *testing.T) {
	for name, want := range reference {
		t.Run(name, func(t *testing.T) {
			spec, a, b, opts := loadPair(t, name)
			opts.Starts = 12
			r, err := Match(context.Background(), spec, a, b, opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("l2 %.4f (%.4f) after %.4f (%.4f), objective %.3f -> %.3f, best %d, %.3f s", r.L2Before, want[0], r.L2After, want[1], r.ObjectiveBefore, r.ObjectiveAfter, r.Best, r.Seconds)
			for _, s := range r.Starts {
				l2 := r.L2Before*r.L2Before + 2*(r.ObjectiveBefore-s.Objective)
				t.Logf("  %s %.6f l2² %.4f sweeps %d %.4f s", s.Kind, s.Objective, l2, s.Sweeps, s.Seconds)
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
