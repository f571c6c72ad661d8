package solver

import (
	"math"
	"slices"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// TestPair: the most alike go first, within a model too, and every unit is in one pair.
func TestPair(t *testing.T) {
	first := []float32{1, 0.9, 0, 0.9, 1, 0, 0, 0, 1} // units 0 and 1 of the first are alike
	second := []float32{1, 0, 0, 0, 1, 0.8, 0, 0.8, 1}
	across := []float32{0.5, 0, 0, 0, 0.4, 0, 0.7, 0.1, 0.1} // unit 2 of the first is unit 0 of the second
	got := Pair(3, first, second, across)
	want := [][2]Unit{{{0, 0}, {0, 1}}, {{0, 2}, {1, 0}}, {{1, 1}, {1, 2}}}
	if !slices.Equal(got, want) {
		t.Errorf("pairs %v, want %v", got, want)
	}
}

// TestZipped: pairs across the models in their order give the plain average, and where units of
// a model are doubled, merging the doubles loses nothing.
func TestZipped(t *testing.T) {
	a, err := onnxgraph.Load("../fixtures/mlp/a.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := onnxgraph.Load("../fixtures/mlp/b.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	spec, err := permspec.Infer(a, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var zips []Zip
	for _, f := range spec.Freedoms(a, permspec.Alone) {
		z := Zip{Freedom: f}
		for i := range spec.Groups[f.Group].Size {
			z.Pairs = append(z.Pairs, [2]Unit{{0, i}, {1, i}})
		}
		zips = append(zips, z)
	}
	if len(zips) != 3 {
		t.Fatalf("%d groups can be zipped", len(zips))
	}
	in := byName(b)
	zipped, err := Zipped(spec, a, b, in, 0.25, zips)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Lerp(a, b, in, 0.25)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range a.Weights() {
		if d := largestGap(t, zipped, plain, w); d > 1e-6 {
			t.Errorf("weight %q differs by %v from that of the plain average", w.Name, d)
		}
	}

	// One network twice, whose first two units are doubles: merged within each model, the
	// doubles are made as before, and what reads them adds up to the same.
	z := &zips[0]
	x := doubled(t, a, z.Freedom.Weights)
	z.Pairs[0], z.Pairs[1] = [2]Unit{{0, 0}, {0, 1}}, [2]Unit{{1, 0}, {1, 1}}
	if zipped, err = Zipped(spec, x, x, nil, 0.5, zips[:1]); err != nil {
		t.Fatal(err)
	}
	for w, power := range z.Freedom.Weights {
		if power > 0 {
			if d := largestGap(t, zipped, x, w); d > 1e-6 {
				t.Errorf("weight %q, which makes doubles, differs by %v", w.Name, d)
			}
			continue
		}
		was, _ := x.Float64s(w)
		is, _ := zipped.Float64s(w)
		if was[0] == was[1] {
			t.Fatal("the doubles are read alike: nothing is shown")
		}
		if d := math.Abs(is[0] + is[1] - was[0] - was[1]); d > 1e-6 || is[0] != is[1] {
			t.Errorf("weight %q reads the doubles by %v and %v, before by %v and %v", w.Name, is[0], is[1], was[0], was[1])
		}
	}
}

// doubled is the model with the first unit of a group made like the second: in the fixture units are
// the first axis of what makes them.
func doubled(t *testing.T, m *onnxgraph.Model, weights map[*onnxgraph.Weight]int) *onnxgraph.Model {
	t.Helper()
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for w, power := range weights {
		if power < 0 {
			continue
		}
		x, err := m.Float64s(w)
		if err != nil {
			t.Fatal(err)
		}
		row := len(x) / int(w.Shape[0])
		copy(x[:row], x[row:2*row])
		contents[w] = Content(w.Type, x)
	}
	return m.With(contents)
}

// largestGap is the largest difference between two models over a's file in one weight.
func largestGap(t *testing.T, x, y *onnxgraph.Model, w *onnxgraph.Weight) float64 {
	t.Helper()
	p, err := x.Float64s(w)
	if err != nil {
		t.Fatal(err)
	}
	q, err := y.Float64s(w)
	if err != nil {
		t.Fatal(err)
	}
	most := 0.0
	for i := range p {
		most = max(most, p[i]-q[i], q[i]-p[i])
	}
	return most
}
