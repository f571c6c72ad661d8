package exec_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// floatWeights lists the weights of a model that gradients can be taken by, and
// their numbers.
func floatWeights(t testing.TB, m *onnxgraph.Model) ([]*onnxgraph.Weight, [][]float32) {
	var weights []*onnxgraph.Weight
	var numbers [][]float32
	for _, w := range m.Weights() {
		if w.Type == onnxgraph.Float32 && len(w.Shape) > 0 && w.Elements() > 1 {
			x, err := m.Float32s(w)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(x, func(v float32) bool { return !(math.Abs(float64(v)) < 1e4) }) {
				continue // a mask
			}
			weights, numbers = append(weights, w), append(numbers, x)
		}
	}
	return weights, numbers
}

// ungraded lists the operators that keep some of the exports from having
// gradients, in some of their modes at least.
var ungraded = []string{"Attention", "DequantizeLinear", "DynamicQuantizeLinear", "Einsum", "If", "Loop", "Resize", "SkipLayerNormalization"}

// The gradient of a model along a direction in the space of its weights is what
// the difference of two runs says, for every exporter's way of writing it.
func TestTapeOfExports(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/exports/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no exports: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			m, err := onnxgraph.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			inputs := randomInputs(t, m, []string{"--val", "mask=1"}) // in a row masked all over, rounding hides what moves
			if m.Graph.Outputs[0].Type != onnxgraph.Float32 || !runs(m, inputs) {
				t.Log("it does not run on random inputs, or not to float32")
				return
			}
			weights, numbers := floatWeights(t, m)
			tape, err := exec.NewTape(m, exec.TapeOptions{Weights: weights, Outputs: m.Graph.Outputs[:1]})
			if err == nil {
				err = slope(t, tape, inputs, numbers)
			}
			var none *exec.NoGradientError
			if errors.As(err, &none) && slices.Contains(ungraded, none.Op) {
				t.Log(err)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func runs(m *onnxgraph.Model, inputs map[string]*onnxgraph.Tensor) bool {
	s, err := exec.New(m, exec.Options{})
	if err != nil {
		return false
	}
	defer s.Close()
	_, err = s.Run(context.Background(), inputs, nil)
	return err == nil
}

// slope compares the gradient along a random direction with a difference.
func slope(t *testing.T, tape *exec.Tape, inputs map[string]*onnxgraph.Tensor, numbers [][]float32) error {
	rng := rand.New(rand.NewPCG(1, 2))
	var up [][]float32
	value := 0.0
	head := func(outputs []*onnxgraph.Tensor) ([][]float32, error) {
		value = 0
		for i, y := range outputs {
			x := y.Data.([]float32)
			if len(up) == i {
				up = append(up, make([]float32, len(x)))
				for k := range x {
					up[i][k] = float32(rng.NormFloat64())
				}
			}
			for k, v := range x {
				value += float64(v) * float64(up[i][k])
			}
		}
		return up, nil
	}
	ctx := context.Background()
	grads, err := tape.Run(ctx, inputs, numbers, head)
	if err != nil {
		return err
	}
	// The direction is the gradient itself, tilted at random, so that the slope
	// stands out from the noise of float32.
	norm := 0.0
	for _, g := range grads {
		for _, v := range g {
			norm += float64(v) * float64(v)
		}
	}
	if norm = math.Sqrt(norm); norm == 0 {
		if strings.HasSuffix(t.Name(), "_qoperator_dynamo18") {
			return nil // integers lie between every weight and the output
		}
		t.Fatal("no gradient")
	}
	direction, want := make([][]float32, len(grads)), 0.0
	for i, g := range grads {
		direction[i] = make([]float32, len(g))
		for k, v := range g {
			direction[i][k] = v / float32(norm) * rng.Float32()
			want += float64(v) * float64(direction[i][k])
		}
	}
	at := func(step float32) float64 {
		moved := make([][]float32, len(numbers))
		for i, x := range numbers {
			moved[i] = make([]float32, len(x))
			for k, v := range x {
				moved[i][k] = v + step*direction[i][k]
			}
		}
		if _, err := tape.Run(ctx, inputs, moved, func(o []*onnxgraph.Tensor) ([][]float32, error) { _, err := head(o); return nil, err }); err != nil {
			t.Fatal(err)
		}
		return value
	}
	best := math.Inf(1)
	for _, step := range []float32{1e-2, 1e-3, 1e-4, 1e-5} {
		got := (at(step) - at(-step)) / (2 * float64(step))
		best = min(best, math.Abs(got-want)/math.Abs(want))
	}
	if !(best < 2e-2) {
		t.Errorf("the gradient is off by %.2g of it", best)
	}
	return nil
}

func BenchmarkTape(b *testing.B) {
	for _, name := range []string{"mnist_mlp", "cifar10_vgg", "mnist_gru", "mnist_vit"} {
		m, err := onnxgraph.Load(filepath.Join(shared.Dir(b), "models", name, "a.onnx"))
		if err != nil {
			b.Fatal(err)
		}
		weights, numbers := floatWeights(b, m)
		tape, err := exec.NewTape(m, exec.TapeOptions{Weights: weights, Outputs: m.Graph.Outputs, Threads: 1})
		if err != nil {
			b.Fatal(err)
		}
		shape := []int{256}
		for _, d := range m.Graph.Inputs[0].Declared[1:] {
			n, _ := d.Known()
			shape = append(shape, int(n))
		}
		x := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: shape, Data: make([]float32, elementsOf(shape))}
		for _, back := range []bool{false, true} {
			head := func(o []*onnxgraph.Tensor) ([][]float32, error) {
				if !back {
					return nil, nil
				}
				return [][]float32{o[0].Data.([]float32)}, nil
			}
			kind := map[bool]string{false: "forth", true: "forth and back"}[back]
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := tape.Run(context.Background(), map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: x}, numbers, head); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		m.Close()
	}
}

func elementsOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
