package rebasin_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// The distances of the layers add up to that of the match, before and after, and
// their shares to one; running statistics are listed and not counted.
func TestLayersAddUp(t *testing.T) {
	for _, name := range []string{"mlp", "resnet"} {
		a, b := load(t, "fixtures", name, "a.onnx"), load(t, "fixtures", name, "b.onnx")
		c, err := rebasin.Compare(context.Background(), a, b, rebasin.Options{Match: solver.Options{Effort: solver.EffortFast}})
		if err != nil {
			t.Fatal(err)
		}
		before, after, shares, statistics := 0.0, 0.0, 0.0, 0
		for _, l := range c.Layers {
			if l.Statistics {
				statistics++
				continue
			}
			before, after, shares = before+l.L2Before*l.L2Before, after+l.L2After*l.L2After, shares+l.Share
			if want := l.L2After / math.Sqrt((l.NormA*l.NormA+l.NormB*l.NormB)/2); math.Abs(l.RelativeAfter-want) > 1e-12 {
				t.Errorf("%s: relative distance %v, want %v", l.Weight, l.RelativeAfter, want)
			}
		}
		for what, pair := range map[string][2]float64{"before": {math.Sqrt(before), c.Match.L2Before}, "after": {math.Sqrt(after), c.Match.L2After}, "shares": {shares, 1}} {
			if math.Abs(pair[0]-pair[1]) > 1e-6*pair[1] {
				t.Errorf("%s, %s: the layers sum to %v, want %v", name, what, pair[0], pair[1])
			}
		}
		if want := map[string]int{"mlp": 0, "resnet": 12}[name]; statistics != want {
			t.Errorf("%s: %d weights are running statistics, want %d", name, statistics, want)
		}
		carriers := rebasin.Carriers(c.Layers, 0.5)
		sum := 0.0
		for _, l := range carriers {
			sum += l.Share
		}
		if sum < 0.5 || sum-carriers[len(carriers)-1].Share >= 0.5 {
			t.Errorf("%s: %d layers carry %v, want the fewest that carry a half", name, len(carriers), sum)
		}
	}
}

// relative makes a model of a: the same, noisy, or with its units in another order.
func relative(t *testing.T, a *onnxgraph.Model, noise float64, shuffle bool) *onnxgraph.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range a.Weights() {
		x, err := a.Float32s(w)
		if err != nil {
			t.Fatal(err)
		}
		if !w.Type.IsFloat() || noise == 0 {
			continue
		}
		square := 0.0
		for _, v := range x {
			square += float64(v) * float64(v)
		}
		y := make([]float32, len(x))
		for i := range x {
			y[i] = x[i] + float32(noise*math.Sqrt(square/float64(len(x)))*rng.NormFloat64())
		}
		contents[w] = func() ([]byte, error) { return binary.Append(nil, binary.LittleEndian, y) } // all are float32
	}
	m := a.With(contents)
	if !shuffle {
		return m
	}
	spec, err := permspec.Infer(a, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err = spec.Apply(m, spec.Random(rng))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What was made of a model is told by how it was made.
func TestKinship(t *testing.T) {
	for _, c := range []struct {
		noise   float64
		shuffle bool
		want    rebasin.Relation
		exact   bool
	}{
		{0, false, rebasin.Same, true},
		{0, true, rebasin.Shuffled, true},
		{1e-5, false, rebasin.Same, false},
		{1e-5, true, rebasin.Shuffled, false},
		{0.1, false, rebasin.FineTuned, false},
		{0.8, false, rebasin.FineTuned, false},
		{0.1, true, rebasin.ShuffledRelated, false},
		{5, true, rebasin.Apart, false},
	} {
		for _, name := range []string{"mlp", "resnet"} {
			a := load(t, "fixtures", name, "a.onnx")
			got, err := rebasin.Compare(context.Background(), a, relative(t, a, c.noise, c.shuffle), rebasin.Options{Match: solver.Options{Effort: solver.EffortFast}})
			if err != nil {
				t.Fatal(err)
			}
			if k := got.Kinship; k.Relation != c.want || k.Exact != c.exact {
				t.Errorf("%s with noise %v, shuffled %v: %q (%+v), want %q", name, c.noise, c.shuffle, k.Relation, *k, c.want)
			}
		}
	}
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/resnet/a.onnx")
	_, err := rebasin.Compare(context.Background(), a, b, rebasin.Options{})
	if differ := (*onnxgraph.Difference)(nil); !errors.As(err, &differ) {
		t.Errorf("error %v, want a difference", err)
	}
}
