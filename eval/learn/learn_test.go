package learn_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/learn"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// pair is two networks of MNIST, matched by weights, and images to learn from.
type pair struct {
	spec *permspec.Spec
	a, b *onnxgraph.Model // b's numbers in a's file
	data *dataset.Set
	by   permspec.Perms // weights
}

func load(t *testing.T, name string, limit int) *pair {
	t.Helper()
	open := func(file string) *onnxgraph.Model {
		m, err := onnxgraph.Load(filepath.Join("../../fixtures", name, file))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	p := &pair{a: open("a.onnx")}
	other := open("b.onnx")
	pairs, err := onnxgraph.Correspond(p.a, other)
	if err != nil {
		t.Fatal(err)
	}
	if p.b, err = solver.Lerp(p.a, other, func(w *onnxgraph.Weight) *onnxgraph.Weight { return pairs.Weights[w] }, 1); err != nil {
		t.Fatal(err)
	}
	if p.spec, err = permspec.Infer(p.a, permspec.Options{}); err != nil {
		t.Fatal(err)
	}
	if p.data, err = dataset.Open("../../fixtures/mnist_calib.npz", dataset.Options{Inputs: eval.InputsOf(p.a), Limit: limit}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.data.Close() })
	r, err := solver.Match(context.Background(), p.spec, p.a, p.b, solver.Options{Effort: solver.EffortFast, Exclude: statistics})
	if err != nil {
		t.Fatal(err)
	}
	p.by = r.Perms
	return p
}

func statistics(w *onnxgraph.Weight) bool { return strings.Contains(w.Name, "running") }

func (p *pair) options() learn.Options {
	return learn.Options{Data: p.data, Exclude: statistics, Lambda: 0.5, Epochs: 3, Rate: 0.1}
}

func (p *pair) learn(t *testing.T, ctx context.Context, o learn.Options) *learn.Result {
	t.Helper()
	l, err := learn.New(ctx, p.spec, p.a, p.b, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Match(ctx, p.by)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Matchings by weights are bettered, on samples that were not learnt from: of a
// plain network, and of one with BatchNormalization. What is returned is a member
// of the group, and the same on any number of threads.
func TestMatch(t *testing.T) {
	for _, name := range []string{"mlp", "resnet"} {
		t.Run(name, func(t *testing.T) {
			p := load(t, name, 300)
			o := p.options()
			o.Threads = 1
			one := p.learn(t, context.Background(), o)
			if len(one.Best) == 0 || !(one.After < one.Before) {
				t.Fatalf("nothing was learnt: loss %g before, %g after", one.Before, one.After)
			}
			for _, perms := range one.Best {
				if err := p.spec.Check(perms); err != nil {
					t.Error(err)
				}
			}
			o.Threads = 2
			two := p.learn(t, context.Background(), o)
			if one.After != two.After || !slices.EqualFunc(one.Best[0], two.Best[0], slices.Equal[[]int32]) {
				t.Errorf("on two threads the loss is %g, on one %g", two.After, one.After)
			}
		})
	}
}

// Learning from labels and from the ensemble is told apart by whether there are
// labels that the models get wrong.
func TestTarget(t *testing.T) {
	p := load(t, "mlp", 100)
	o := p.options()
	o.Epochs = 1
	if r := p.learn(t, context.Background(), o); r.Target != "the ensemble of A and B" {
		t.Errorf("labels that are known by heart were learnt from: %s", r.Target)
	}
}

// A search that is stopped gives what it has; a context that ends is an error.
func TestStop(t *testing.T) {
	p := load(t, "mlp", 100)
	o := p.options()
	o.Epochs, o.Until = 1000000, time.Now().Add(300*time.Millisecond)
	if r := p.learn(t, context.Background(), o); !r.Stopped || r.Epochs == 1000000 {
		t.Errorf("Until did not stop it: %+v", r)
	}
	stop := make(chan struct{})
	close(stop)
	o.Until, o.Stop = time.Time{}, stop
	if r := p.learn(t, context.Background(), o); !r.Stopped {
		t.Error("Stop did not stop it")
	}
	o.Stop = nil
	l, err := learn.New(context.Background(), p.spec, p.a, p.b, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := l.Match(ctx, p.by); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context's end gives %v", err)
	}
}

// A model with an operator that has no gradient is refused before anything is
// learnt, by the node's name.
func TestNoGradient(t *testing.T) {
	m, err := onnxgraph.Load("../../fixtures/exports/deeplab_classic11.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	spec, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(images(t, 20, 3, 16, 16), dataset.Options{Inputs: eval.InputsOf(m)})
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	_, err = learn.New(context.Background(), spec, m, m, learn.Options{Data: data, Lambda: 0.5})
	var none *exec.NoGradientError
	if !errors.As(err, &none) || none.Op != "Resize" {
		t.Errorf("got %v, want a NoGradientError of Resize", err)
	}
}

// images writes a .npy file of float32 numbers.
func images(t *testing.T, shape ...int) string {
	t.Helper()
	n, text := 1, ""
	for _, d := range shape {
		n, text = n*d, text+fmt.Sprint(d, ",")
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", text)
	header += strings.Repeat(" ", 118-len(header)-1) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00\x76\x00"), header...)
	for i := range n {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(math.Sin(float64(i*i)))))
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := os.WriteFile(path, out, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
