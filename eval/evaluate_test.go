package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// load opens a model for the time of the test.
func load(t testing.TB, path string) *onnxgraph.Model {
	t.Helper()
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// runner makes a model ready to run on a backend; without the backend the test
// is skipped.
func runner(t testing.TB, m *onnxgraph.Model, backend string) *Runner {
	t.Helper()
	r, err := Open(m, OpenOptions{Backend: backend, Threads: 1})
	if errors.Is(err, ort.ErrNotFound) {
		t.Skipf("%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// record is what the training of a pair has written down.
type record struct {
	Tests    int `json:"n_test"`
	A, B     result
	Ensemble result `json:"ensemble_logit"`
}

type result struct{ Acc, Loss float64 }

func (i Interval) contains(v float64) bool { return i[0] <= v && v <= i[1] }

// open opens a data set for the time of the test.
func open(t testing.TB, path string, opts dataset.Options) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// The recorded losses and accuracies of the pairs are found again. Those on
// CIFAR-10 were measured on all test images, of which a fifth is at hand: they
// lie in the confidence intervals.
func TestRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole test sets take half a minute")
	}
	files, _ := filepath.Glob(filepath.Join(shared.Dir(t), "models", "*", "record.json"))
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			var want record
			text, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(text, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			a := load(t, filepath.Join(filepath.Dir(file), "a.onnx"))
			b := load(t, filepath.Join(filepath.Dir(file), "b.onnx"))
			runners := []*Runner{runner(t, a, OnnxRuntime), runner(t, b, OnnxRuntime)}
			family, _, _ := strings.Cut(name, "_")
			set := open(t, filepath.Join(shared.Dir(t), "data", family+"_test.npz"), dataset.Options{Inputs: InputsOf(a)})
			e, err := EvaluateAll(context.Background(), runners, set, EvaluateOptions{Ensembles: [][]int{{0, 1}}})
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range []result{want.A, want.B, want.Ensemble} {
				m := e.Metrics[i]
				same := math.Abs(m.Loss-w.Loss) < 1e-6 && math.Abs(m.Accuracy-w.Acc) < 1e-6
				inside := m.LossInterval.contains(w.Loss) && m.AccuracyInterval.contains(w.Acc)
				if set.Len() == want.Tests && !same || !inside {
					t.Errorf("model %d: loss %v %v, accuracy %v %v; recorded %v, %v", i, m.Loss, m.LossInterval, m.Accuracy, m.AccuracyInterval, w.Loss, w.Acc)
				}
			}
		})
	}
}

// The logits that PyTorch computed are computed again.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared.Dir(t), "models", "*", "golden.npz"))
	for _, file := range files {
		for _, which := range []string{"a", "b"} {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+which, func(t *testing.T) {
				m := load(t, filepath.Join(filepath.Dir(file), which+".onnx"))
				r := runner(t, m, OnnxRuntime)
				set := open(t, file, dataset.Options{Inputs: InputsOf(m), Labels: which + "_f64"})
				for b, err := range set.Batches(16) {
					if err != nil {
						t.Fatal(err)
					}
					out, err := r.Run(context.Background(), b.Inputs, nil)
					if err != nil {
						t.Fatal(err)
					}
					got, want := out[m.Graph.Outputs[0].Name].Data.([]float32), b.Labels.Data.([]float64)
					for i, v := range got {
						if math.Abs(float64(v)-want[i]) > 1e-4 {
							t.Fatalf("logit %d is %v, PyTorch has %v", i, v, want[i])
						}
					}
				}
			})
		}
	}
}
