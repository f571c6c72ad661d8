package rebasin_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// A merge says what a user should know of its models, in one line each, and
// nothing where there is nothing to say.
func TestHints(t *testing.T) {
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/mlp/b.onnx")
	spec, err := permspec.Infer(a, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shuffled, err := spec.Apply(a, spec.Random(rand.New(rand.NewPCG(1, 0))))
	if err != nil {
		t.Fatal(err)
	}
	near, err := rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: 0.01, NoMatch: true})
	if err != nil {
		t.Fatal(err)
	}
	freeze := func(names ...string) permspec.Options {
		return permspec.Options{Freeze: func(w *onnxgraph.Weight) bool {
			for _, n := range names {
				if strings.HasPrefix(w.Name, n) {
					return true
				}
			}
			return false
		}}
	}
	bn := [2]*onnxgraph.Model{load(t, "fixtures/resnet/a.onnx"), load(t, "fixtures/resnet/b.onnx")}
	for _, c := range []struct {
		name  string
		a, b  *onnxgraph.Model
		infer permspec.Options
		want  string // "": no hint
	}{
		{"trained apart", a, b, permspec.Options{}, ""},
		{"the same", a, a, permspec.Options{}, "the same weights"},
		{"the same, shuffled", a, shuffled, permspec.Options{}, "B is A with its units in another order"},
		{"near copies", a, near.Model, permspec.Options{}, "with a common ancestor"},
		{"BatchNormalization", bn[0], bn[1], permspec.Options{}, "--calib"},
		{"frozen", a, b, freeze("fc"), "nothing in this model can be permuted (for the most part: the user froze it)"},
		{"half frozen", a, b, freeze("fc.0"), "only 34 % of the parameters can be permuted (for the most part: the user froze it)"},
	} {
		m, err := rebasin.Merge(context.Background(), c.a, c.b, rebasin.Options{Lambda: 0.5, Infer: c.infer, NoVerify: true, Match: solver.Options{Starts: 2}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		hints := m.Hints()
		if c.want == "" && len(hints) > 0 || c.want != "" && (len(hints) != 1 || !strings.Contains(hints[0], c.want)) {
			t.Errorf("%s: hints %q, want one with %q", c.name, hints, c.want)
		}
	}
}
