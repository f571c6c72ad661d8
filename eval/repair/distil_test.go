package repair

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// TestDistil: what is learnt brings the network nearer to what the ends say, on samples
// that it was not learnt from, and the number of threads does not change a bit of it.
func TestDistil(t *testing.T) {
	p := pairOf(t, unbiased(t, 1), unbiased(t, 2))
	calib, test := open(t, p, "mnist_calib.npz", "none", 200), open(t, p, "mnist_test.npz", "none", 500)
	far := map[Kind]float64{}
	for _, kind := range []Kind{LSQ, Distil} {
		m, r, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib})
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != kind || r.Biases != 4 {
			t.Errorf("%s reports %+v", kind, r)
		}
		far[kind] = farFromMixture(t, p, m, test)
		if kind == LSQ {
			continue
		}
		again, _, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range m.Weights() {
			x, _ := m.Bytes(w)
			if y, _ := again.Bytes(again.Weights()[i]); !bytes.Equal(x, y) {
				t.Fatalf("weight %q depends on the number of threads", w.Name)
			}
		}
	}
	t.Logf("mean loss against what the ends say: %v", far)
	if !(far[Distil] < far[LSQ]-0.01) {
		t.Errorf("mean loss against what the ends say is %v", far)
	}
}

// farFromMixture is the mean loss of a model against the mean probabilities of the ends.
func farFromMixture(t *testing.T, p *pair, m *onnxgraph.Model, test *dataset.Set) float64 {
	t.Helper()
	goal, err := eval.NewObjective(m, eval.EvaluateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	runners, done, err := eval.OpenAll([]*onnxgraph.Model{p.a, p.b, m}, eval.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	sum, n := 0.0, 0
	for b, err := range test.Batches(50) {
		if err != nil {
			t.Fatal(err)
		}
		var said []*onnxgraph.Tensor
		for _, r := range runners {
			out, err := r.Run(context.Background(), b.Inputs, []string{goal.Output.Name})
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, out[goal.Output.Name])
		}
		target, err := goal.Mixture(said[:2], b.N)
		if err != nil {
			t.Fatal(err)
		}
		loss, _, err := goal.Slope(said[2], target)
		if err != nil {
			t.Fatal(err)
		}
		sum, n = sum+loss, n+1
	}
	return sum / float64(n)
}

// A step goes against the gradient, by the rate and the size of the weight alone, and
// an element without a gradient stays.
func TestAdam(t *testing.T) {
	for _, size := range []float32{1e-3, 1e3} {
		w := [][]float32{{size, -size, size}}
		newAdam(w).step(w, [][]float32{{7 / size, -1e-3, 0}}, 0.01)
		for k, want := range []float32{0.99 * size, -0.99 * size, size} {
			if math.Abs(float64(w[0][k]/want-1)) > 1e-4 {
				t.Errorf("size %v: element %d is %v, want %v", size, k, w[0][k], want)
			}
		}
	}
}
