package exec_test

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"codeberg.org/sbinet/npyio/npz"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// array reads a float32 array of an npz file.
func array(t testing.TB, path, name string) *onnxgraph.Tensor {
	t.Helper()
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var data []float32
	if err := f.Read(name+".npy", &data); err != nil {
		t.Fatalf("%s: %s: %v", path, name, err)
	}
	return &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: f.Header(name + ".npy").Descr.Shape, Data: data}
}

// load opens a model and a session for it.
func load(t testing.TB, path string, opts exec.Options) (*onnxgraph.Model, *exec.Session) {
	t.Helper()
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, err := exec.New(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return m, s
}

// The trained models give the logits that PyTorch gave.
func TestGolden(t *testing.T) {
	pairs, err := filepath.Glob(filepath.Join(shared.Dir(t), "models", "*", "golden.npz"))
	if err != nil || len(pairs) == 0 {
		t.Fatalf("no golden.npz: %v", err)
	}
	for _, golden := range pairs {
		dir := filepath.Dir(golden)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			for _, c := range []struct {
				name string
				opts exec.Options
			}{{"a", exec.Options{}}, {"b", exec.Options{}}, {"b", exec.Options{Lean: true}}} {
				name := c.name
				m, s := load(t, filepath.Join(dir, name+".onnx"), c.opts)
				in, out := m.Graph.Inputs[0].Name, m.Graph.Outputs[0].Name
				want := array(t, golden, name).Data.([]float32)
				x := map[string]*onnxgraph.Tensor{in: array(t, golden, "x")}
				for range 2 { // the second run reuses the memory of the first
					got, err := s.Run(context.Background(), x, nil)
					if err != nil {
						t.Fatal(err)
					}
					y := got[out].Data.([]float32)
					if len(y) != len(want) {
						t.Fatalf("%s.onnx gives %v, want %d logits", name, got[out].Shape, len(want))
					}
					for i, v := range y {
						if d := math.Abs(float64(v - want[i])); !(d <= 1e-4) {
							t.Fatalf("%s.onnx: logit %d is %g, want %g", name, i, v, want[i])
						}
					}
				}
			}
		})
	}
}
