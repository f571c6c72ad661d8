package rebasin_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// mlps loads three trainings of one network.
func mlps(t *testing.T) []*onnxgraph.Model {
	t.Helper()
	var out []*onnxgraph.Model
	for _, name := range []string{"a", "b", "c"} {
		m, err := onnxgraph.Load(filepath.Join("fixtures", "mlp", name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		out = append(out, m)
	}
	return out
}

// byName returns the weight of m that has the name of another model's.
func byName(m *onnxgraph.Model) func(*onnxgraph.Weight) *onnxgraph.Weight {
	return func(w *onnxgraph.Weight) *onnxgraph.Weight {
		i := slices.IndexFunc(m.Weights(), func(v *onnxgraph.Weight) bool { return v.Name == w.Name })
		return m.Weights()[i]
	}
}

// sameWeights fails the test unless two models hold the same numbers.
func sameWeights(t *testing.T, what string, a, b *onnxgraph.Model) {
	t.Helper()
	for _, w := range a.Weights() {
		x, err := a.Bytes(w)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Bytes(byName(b)(w))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Fatalf("%s: weight %q differs", what, w.Name)
		}
	}
}

func mergeMany(t *testing.T, models []*onnxgraph.Model, opts rebasin.ManyOptions) *rebasin.MergedMany {
	t.Helper()
	r, err := rebasin.MergeMany(context.Background(), models, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// accuracies judges models on the fixtures' images.
func accuracies(t *testing.T, models ...*onnxgraph.Model) []float64 {
	t.Helper()
	set, err := dataset.Open(filepath.Join("fixtures", "mnist_test.npz"), dataset.Options{Inputs: eval.InputsOf(models[0])})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	var runners []*eval.Runner
	for _, m := range models {
		r, err := eval.Open(m, eval.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		runners = append(runners, r)
	}
	e, err := eval.EvaluateAll(context.Background(), runners, set, eval.EvaluateOptions{Replicates: -1})
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, m := range e.Metrics {
		out = append(out, m.Accuracy)
	}
	return out
}

// Three trained networks merge into one that is nearly as good as they are, by
// each method; the joint solution is nowhere below that of Algorithm 3.
func TestMergeManyTrained(t *testing.T) {
	models := mlps(t)
	for _, method := range []solver.ManyMethod{solver.Star, solver.Mean, solver.Joint} {
		r := mergeMany(t, models, rebasin.ManyOptions{Many: method})
		acc := accuracies(t, r.Naive, r.Model)
		last := r.Match.Solutions[len(r.Match.Solutions)-1]
		t.Logf("%s: l2 %.4f → %+v, naive %.4f, merged %.4f", method, r.Match.Before.L2, r.Match.Solutions, acc[0], acc[1])
		if acc[0] > 0.8 || acc[1] < 0.97 {
			t.Errorf("%s: naive %.4f, merged %.4f", method, acc[0], acc[1])
		}
		if last.Method != method || last.Objective < r.Match.Solutions[0].Objective {
			t.Errorf("%s: solutions %+v", method, r.Match.Solutions)
		}
		if len(r.Verifications) != 3 || r.Verifications[0] != nil || !r.Verifications[1].OK || !r.Verifications[2].OK {
			t.Errorf("%s: verifications %v", method, r.Verifications)
		}
	}
}

// With calibration data each model is matched with the first by what units compute, which is worth more here than
// their weights.
func TestMergeManyActivations(t *testing.T) {
	models := mlps(t)
	calib := &rebasin.Calibration{Data: data(t, models[0], 1000, "fixtures/mnist_calib.npz"), Repair: repair.None}
	r := mergeMany(t, models, rebasin.ManyOptions{Options: rebasin.Options{Activation: &rebasin.Activation{}, Calib: calib}})
	byWeights := mergeMany(t, models, rebasin.ManyOptions{Many: solver.Star})
	if acc := accuracies(t, byWeights.Model, r.Model); acc[1] <= acc[0] {
		t.Errorf("by weights %.4f, by activations %.4f", acc[0], acc[1])
	}
	if report := r.Report(); report.Method != "activation" || report.Many.Method != "star" || !r.Verifications[1].OK || !r.Verifications[2].OK {
		t.Errorf("report: method %s, %+v", report.Method, report.Many)
	}
	_, err := rebasin.MergeMany(context.Background(), models, rebasin.ManyOptions{Options: rebasin.Options{Activation: &rebasin.Activation{}, Calib: calib}, Many: solver.Mean})
	if err == nil {
		t.Error("the mean of others is matched by activations")
	}
}

// The order in which models are given changes the order of the result's units,
// which is the first model's, and nothing else: not a bit.
func TestMergeManyOrder(t *testing.T) {
	models := mlps(t)
	weights := []float64{1, 2, 1}
	for method, orders := range map[solver.ManyMethod][][]int{
		solver.Mean:  {{2, 0, 1}, {1, 2, 0}, {2, 1, 0}},
		solver.Joint: {{1, 0, 2}},
	} {
		opts := rebasin.ManyOptions{Weights: weights, Many: method}
		opts.NoVerify, opts.Match.Effort = true, solver.EffortFast
		one := mergeMany(t, models, opts)
		for _, order := range orders {
			var shuffled []*onnxgraph.Model
			again := opts
			again.Weights = nil
			for _, k := range order {
				shuffled, again.Weights = append(shuffled, models[k]), append(again.Weights, weights[k])
			}
			other := mergeMany(t, shuffled, again)
			if !slices.EqualFunc(one.Match.Solutions, other.Match.Solutions, func(a, b solver.ManySolution) bool { return a.Objective == b.Objective && a.L2 == b.L2 }) {
				t.Errorf("%s, order %v: solutions %+v, want %+v", method, order, other.Match.Solutions, one.Match.Solutions)
			}
			back, err := one.Spec.ApplyTo(other.Model, one.Match.Perms[order[0]], byName(other.Model))
			if err != nil {
				t.Fatal(err)
			}
			sameWeights(t, "merged", one.Model, back)
		}
	}
}

// Copies of one model with their units shuffled merge into that model.
func TestMergeManyPlanted(t *testing.T) {
	a := mlps(t)[0]
	spec, err := permspec.Infer(a, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	models := []*onnxgraph.Model{a}
	for seed := range uint64(3) {
		m, err := spec.Apply(a, spec.Random(rand.New(rand.NewPCG(seed, 1))))
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	for _, method := range []solver.ManyMethod{solver.Star, solver.Mean, solver.Joint} {
		opts := rebasin.ManyOptions{Many: method, Weights: []float64{1, 0, 3, 1}}
		opts.NoVerify = true
		opts.Match.Starts = 1
		r := mergeMany(t, models, opts)
		sameWeights(t, string(method), a, r.Model)
		if l2 := r.Match.Solutions[0].L2; l2 > 1e-9 || r.Match.Before.L2 < 1 {
			t.Errorf("%s: l2 %v → %v", method, r.Match.Before.L2, l2)
		}
	}
}

// For two models MergeMany's objective and distance are those of Merge.
func TestMergeManyTwo(t *testing.T) {
	models := mlps(t)[:2]
	opts := rebasin.ManyOptions{Many: solver.Star}
	opts.NoVerify = true
	many := mergeMany(t, models, opts)
	opts.Lambda = 0.5
	pair, err := rebasin.Merge(context.Background(), models[0], models[1], opts.Options)
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, "two models", pair.Model, many.Model)
	s := many.Match.Solutions[0]
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9*math.Abs(b) }
	if !near(s.L2, pair.Match.L2After) || !near(s.Objective, pair.Match.ObjectiveAfter) || !near(many.Match.Before.L2, pair.Match.L2Before) {
		t.Errorf("many: %+v, before %+v; pair: %+v", s, many.Match.Before, pair.Match)
	}
}

// Wrong weights, methods and references are errors.
func TestMergeManyRefuses(t *testing.T) {
	models := mlps(t)
	for name, opts := range map[string]rebasin.ManyOptions{
		"two weights":  {Weights: []float64{1, 2}},
		"sum of zero":  {Weights: []float64{1, -1, 0}},
		"not a number": {Weights: []float64{1, math.NaN(), 0}},
		"method":       {Many: "best"},
		"reference":    {Reference: 3},
	} {
		if _, err := rebasin.MergeMany(context.Background(), models, opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := rebasin.MergeMany(context.Background(), models[:1], rebasin.ManyOptions{}); err == nil {
		t.Error("one model: no error")
	}
}

// A search that is stopped gives what it has.
func TestMergeManyStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	opts := rebasin.ManyOptions{Progress: func(p solver.ManyProgress) { cancel() }}
	opts.NoVerify = true
	r, err := rebasin.MergeMany(ctx, mlps(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	if last := r.Match.Solutions[len(r.Match.Solutions)-1]; !r.Match.Stopped || last.Objective < r.Match.Before.Objective {
		t.Errorf("stopped %v, objective %v → %v", r.Match.Stopped, r.Match.Before.Objective, last.Objective)
	}
}
