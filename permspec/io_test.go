package permspec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Freed inputs and outputs are laid out beside the weights, and count as none.
func TestFreedIO(t *testing.T) {
	m, err := onnxgraph.Load("../fixtures/mlp/a.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	plain, err := Infer(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Infer(m, Options{FreeIO: func(*onnxgraph.Value) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.IO) != 2 || len(s.Groups) != len(plain.Groups)+2 || s.Parameters != plain.Parameters || len(s.Weights) != len(m.Weights()) || len(s.Frozen) != 0 {
		t.Fatalf("%d values, %d groups, %d parameters, %d weights, frozen %v", len(s.IO), len(s.Groups), s.Parameters, len(s.Weights), s.Frozen)
	}
	p := s.Random(rand.New(rand.NewPCG(1, 2)))
	for i, want := range []int{784, 10} {
		io := s.IO[i]
		g := slices.IndexFunc(s.Groups, func(g Group) bool { return g.Name == io.Layout.Layout.String() })
		if !slices.Equal(io.Axes, []int{1}) || g < 0 || s.Groups[g].Size != want {
			t.Fatalf("%s: axes %v, layout %q", io.Value.Name, io.Axes, io.Layout.Layout)
		}
		order, err := s.Order(io, p)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range order {
			if v != int(p[g][k]) {
				t.Fatalf("%s: place %d is taken from %d, the group's from %d", io.Value.Name, k, v, p[g][k])
			}
		}
	}
}
