package repair

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// unbiased is a network of random weights for pictures of 28 by 28, none of whose four layers
// has a bias. The name that the second one's would have is taken.
func unbiased(t *testing.T, seed uint64) *onnxgraph.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	weight := func(name string, units int64, fan ...int64) *onnxpb.TensorProto {
		n := int64(1)
		for _, d := range fan {
			n *= d
		}
		return filled(name, func() float64 { return (rng.NormFloat64() + 0.3) / math.Sqrt(float64(n)) }, append([]int64{units}, fan...)...)
	}
	return onnxtest.Of(t, &onnxpb.GraphProto{
		Node: []*onnxpb.NodeProto{
			node("Conv", "c1", []string{"x", "one.weight"}, wholes("strides", 2, 2)),
			node("Relu", "r1", []string{"c1"}),
			node("Conv", "c2", []string{"r1", "two", ""}, wholes("strides", 2, 2), whole("group", 2)),
			node("Relu", "two_bias", []string{"c2"}),
			node("ConvTranspose", "c3", []string{"two_bias", "three"}),
			node("Relu", "r3", []string{"c3"}),
			node("Flatten", "f", []string{"r3"}),
			node("Gemm", "y", []string{"f", "four.weight"}),
		},
		Initializer: []*onnxpb.TensorProto{weight("one.weight", 6, 1, 3, 3), weight("two", 8, 3, 3, 3), weight("three", 8, 5, 2, 2), weight("four.weight", 5*7*7, 10)},
		Input:       []*onnxpb.ValueInfoProto{batches("x", -1, 1, 28, 28)},
		Output:      []*onnxpb.ValueInfoProto{batches("y", -1, 10)},
	})
}

// Layers without a bias get one in the slot they leave empty: then, and only then, every
// output has the mean that lies between those of the ends.
func TestBiasesAreAdded(t *testing.T) {
	p := pairOf(t, unbiased(t, 1), unbiased(t, 2))
	calib := open(t, p, "mnist_calib.npz", "none", 200)
	for _, kind := range []Kind{Rescale, LSQ} {
		m, r, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib})
		if err != nil {
			t.Fatal(err)
		}
		if r.Biases != 4 || r.Tensors != 8 {
			t.Errorf("%s: %d tensors changed, %d biases added; want 8 and 4", kind, r.Tensors, r.Biases)
		}
		for i, want := range map[int]string{0: "one.bias", 2: "two_bias_2", 4: "three_bias", 7: "four.bias"} {
			if in := m.Graph.Nodes[i].Inputs; len(in) != 3 || in[2].Name != want || in[2].Weight.Type != onnxgraph.Float32 {
				t.Errorf("%s: %v reads %v, want %s as its bias", kind, m.Graph.Nodes[i], in, want)
			}
		}
		kept, r, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib, KeepGraph: true})
		if err != nil || r.Biases != 0 || len(kept.Weights()) != 4 {
			t.Fatalf("%s that keeps the graph: %+v, %v", kind, r, err)
		}
		with, without := meansOff(t, p, m, calib), meansOff(t, p, kept, calib)
		if with > map[Kind]float64{Rescale: 1e-3, LSQ: 0.1}[kind] || kind == Rescale && without < 0.2 {
			t.Errorf("%s: means of outputs are off by %v deviations, by %v in the graph as it was", kind, with, without)
		}
		var file bytes.Buffer
		if _, err := m.WriteTo(&file); err != nil {
			t.Fatal(err)
		}
		read, err := onnxgraph.Parse(file.Bytes(), "")
		if err != nil {
			t.Fatal(err)
		}
		if gap := gapOf(t, m, read, firstBatch(t, calib)); gap != 0 {
			t.Errorf("%s: the file computes something else, by %v", kind, gap)
		}
	}
	if w := p.average.Graph.Nodes[0].Inputs; len(w) != 2 {
		t.Errorf("the average itself was changed: %v", w)
	}
}

// meansOff is how far the mean of any layer's output is from the mean of those in the
// ends, in deviations, at most.
func meansOff(t *testing.T, p *pair, m *onnxgraph.Model, calib *dataset.Set) float64 {
	t.Helper()
	var means, deviations [3][]float64
	for k, model := range []*onnxgraph.Model{p.a, p.b, m} {
		j, err := newJob(context.Background(), p.ends(), Options{Data: calib})
		if err != nil {
			t.Fatal(err)
		}
		defer j.close()
		r, err := eval.Open(model, eval.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		values, axes, sizes := outputs(layersOf(model))
		sums, centres, err := j.gather(r, values, axes, sizes, false)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sums {
			for c, s := range sums[i] {
				means[k] = append(means[k], centres[i][c]+s.mean())
				deviations[k] = append(deviations[k], math.Sqrt(s.variance()))
			}
		}
	}
	off := 0.0
	for c, mean := range means[2] {
		off = max(off, math.Abs(mean-(means[0][c]+means[1][c])/2)/deviations[2][c])
	}
	return off
}

// A repair that writes to no bias leaves the graph as it was.
func TestGraphIsKept(t *testing.T) {
	p := pairOf(t, unbiased(t, 1), unbiased(t, 2))
	calib := open(t, p, "mnist_calib.npz", "none", 100)
	for _, kind := range []Kind{None, BN} {
		m, r, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib, Temper: true})
		if err != nil {
			t.Fatal(err)
		}
		if m.Graph != p.average.Graph || r.Biases != 0 {
			t.Errorf("%s made another graph: %+v", kind, r)
		}
	}
	same := []End{{Model: p.a, Part: 0.5}, {Model: p.a, Part: 0.5}}
	m, r, err := Mend(context.Background(), same, p.a, LSQ, Options{Data: calib})
	if err != nil {
		t.Fatal(err)
	}
	if gap := gapOf(t, p.a, m, firstBatch(t, calib)); gap > 2e-3 {
		t.Errorf("a model merged with itself, with %d biases, computes something else by %v", r.Biases, gap)
	}
}
