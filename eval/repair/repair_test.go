package repair

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// pair is a fixture: two models in one file's graph, the second aligned.
type pair struct {
	a, b    *onnxgraph.Model // b in a's graph
	average *onnxgraph.Model
	spec    *permspec.Spec
}

func loadPair(t *testing.T, name string, align bool) *pair {
	t.Helper()
	var models []*onnxgraph.Model
	for _, file := range []string{"a", "b"} {
		m, err := onnxgraph.Load("../../fixtures/" + name + "/" + file + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		models = append(models, m)
	}
	p := pairOf(t, models[0], models[1])
	var err error
	if p.spec, err = permspec.Infer(p.a, permspec.Options{}); err != nil {
		t.Fatal(err)
	}
	if align {
		r, err := solver.Match(context.Background(), p.spec, p.a, p.b, solver.Options{Starts: 2})
		if err != nil {
			t.Fatal(err)
		}
		if p.b, err = p.spec.Apply(p.b, r.Perms); err != nil {
			t.Fatal(err)
		}
	}
	p.mean(t)
	return p
}

func (p *pair) ends() []End { return []End{{Model: p.a, Part: 0.5}, {Model: p.b, Part: 0.5}} }

func open(t *testing.T, p *pair, file, labels string, limit int) *dataset.Set {
	t.Helper()
	s, err := dataset.Open("../../fixtures/"+file, dataset.Options{Inputs: eval.InputsOf(p.a), Labels: labels, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func accuracy(t *testing.T, m *onnxgraph.Model, s *dataset.Set) float64 {
	t.Helper()
	r, err := eval.Open(m, eval.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := eval.Evaluate(context.Background(), r, s, eval.EvaluateOptions{Replicates: -1})
	if err != nil {
		t.Fatal(err)
	}
	return got.Accuracy
}

// TestRepairsHelp: on a residual network with BatchNormalization every repair
// brings back most of what averaging loses, without a label, and Auto picks one.
func TestRepairsHelp(t *testing.T) {
	p := loadPair(t, "resnet", true)
	test := open(t, p, "mnist_test.npz", "", 500)
	calib := open(t, p, "mnist_calib.npz", "none", 200)
	before := accuracy(t, p.average, test)
	after := map[Kind]float64{}
	for _, kind := range []Kind{BN, Rescale, LSQ, Auto} {
		m, r, err := Mend(context.Background(), p.ends(), p.average, kind, Options{Data: calib})
		if err != nil {
			t.Fatal(err)
		}
		after[kind] = accuracy(t, m, test)
		if r.Tensors == 0 || kind == Auto && (r.Kind == None || len(r.Tried) != 4) {
			t.Errorf("%s reports %+v", kind, r)
		}
	}
	t.Logf("accuracy %.3f before, %v after", before, after)
	for kind, got := range after {
		if got < before+0.5*(1-before)*0.5 {
			t.Errorf("%s: accuracy %.3f, %.3f before", kind, got, before)
		}
	}
	if after[LSQ] < after[BN]-0.02 || after[Auto] < after[BN]-0.02 {
		t.Errorf("refitting and choosing are worse than statistics: %v", after)
	}
}

// TestStatisticsAreExact: after bn every BatchNormalization holds the mean and
// variance of what it reads in the model that came out, over all samples.
func TestStatisticsAreExact(t *testing.T) {
	p := loadPair(t, "resnet", true)
	calib := open(t, p, "mnist_calib.npz", "none", 100)
	m, _, err := Mend(context.Background(), p.ends(), p.average, BN, Options{Data: calib})
	if err != nil {
		t.Fatal(err)
	}
	r, err := eval.Open(m, eval.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := 0
	for _, n := range m.Graph.Nodes {
		if n.Op != "BatchNormalization" {
			continue
		}
		seen++
		for b, err := range calib.Batches(1000) { // all at once, unlike Mend
			if err != nil {
				t.Fatal(err)
			}
			got, err := run(context.Background(), r, b, n.Inputs[:1])
			if err != nil {
				t.Fatal(err)
			}
			x := got[n.Inputs[0]]
			mean, _ := m.Float64s(n.Inputs[3].Weight)
			vari, _ := m.Float64s(n.Inputs[4].Weight)
			channels, area := x.shape[1], x.shape[2]*x.shape[3]
			for c := range channels {
				var list []float64
				for s := range x.shape[0] {
					for _, v := range x.data[(s*channels+c)*area:][:area] {
						list = append(list, float64(v))
					}
				}
				mu, v := meanVariance(list)
				if math.Abs(mu-mean[c]) > 1e-5*(1+math.Sqrt(v)) || math.Abs(v-vari[c]) > 1e-4*(v+1e-6) {
					t.Fatalf("%v, channel %d holds mean %v and variance %v, reads %v and %v", n, c, mean[c], vari[c], mu, v)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no BatchNormalization was seen")
	}
}

func meanVariance(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

// TestNothingToRepair: the average of a model with itself stays what it is, in
// what it computes, by every repair.
func TestNothingToRepair(t *testing.T) {
	p := loadPair(t, "mlp", false)
	calib := open(t, p, "mnist_calib.npz", "none", 100)
	b := firstBatch(t, calib)
	for _, kind := range []Kind{Rescale, LSQ} {
		m, _, err := Mend(context.Background(), []End{{Model: p.a, Part: 0.5}, {Model: p.a, Part: 0.5}}, p.a, kind, Options{Data: calib})
		if err != nil {
			t.Fatal(err)
		}
		if d := gapOf(t, p.a, m, b); d > 2e-3 {
			t.Errorf("%s moved the outputs by %v", kind, d)
		}
	}
}

func firstBatch(t *testing.T, s *dataset.Set) *dataset.Batch {
	for b, err := range s.Batches(50) {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return nil
}

func gapOf(t *testing.T, x, y *onnxgraph.Model, b *dataset.Batch) float64 {
	var out [2]*tensor
	for k, m := range []*onnxgraph.Model{x, y} {
		r, err := eval.Open(m, eval.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := run(context.Background(), r, b, m.Graph.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		out[k] = got[m.Graph.Outputs[0]]
	}
	worst := 0.0
	for i, v := range out[0].data {
		worst = max(worst, math.Abs(float64(v-out[1].data[i])))
	}
	return worst
}

// TestAlikeFindsPlanted: the units of a permuted model are like their own
// originals, at either side of the non-linearities, without a look at weights.
func TestAlikeFindsPlanted(t *testing.T) {
	for _, name := range []string{"mlp", "resnet"} {
		p := loadPair(t, name, false)
		calib := open(t, p, "mnist_calib.npz", "none", 100)
		planted := p.spec.Random(rand.New(rand.NewPCG(7, 8)))
		b, err := p.spec.Apply(p.a, planted)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []Places{Before, After} {
			list, err := Alike(context.Background(), p.spec, p.a, b, at, Options{Data: calib})
			if err != nil {
				t.Fatal(err)
			}
			none := func(*onnxgraph.Weight) bool { return true } // no weight counts
			r, err := solver.Match(context.Background(), p.spec, p.a, b, solver.Options{Likeness: list, Exclude: none, Starts: 1})
			if err != nil {
				t.Fatal(err)
			}
			back := p.spec.Then(planted, r.Perms)
			wrong, all := 0, 0
			for g, row := range back {
				for i, v := range row {
					all++
					if int(v) != i%p.spec.Groups[g].Size {
						wrong++
					}
				}
			}
			dead := 0 // units that never vary on these samples are like no other
			for _, l := range list {
				for i := range l.Size {
					if slices.Max(l.Gain[i*l.Size:][:l.Size]) == 0 {
						dead++
					}
				}
			}
			if wrong > dead || dead*4 > all {
				t.Errorf("%s, places %d: %d of %d units were not found, of which %d are dead", name, at, wrong, all, dead)
			}
		}
	}
}

// TestSameBytes: a repair does not depend on the number of threads.
func TestSameBytes(t *testing.T) {
	p := loadPair(t, "mlp", false)
	calib := open(t, p, "mnist_calib.npz", "none", 60)
	var first [][]byte
	for _, threads := range []int{1, 2} {
		m, _, err := Mend(context.Background(), p.ends(), p.average, LSQ, Options{Data: calib, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for _, w := range m.Weights() {
			raw, err := m.Bytes(w)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, raw)
		}
		if first == nil {
			first = all
		}
		if !slices.EqualFunc(first, all, slices.Equal) {
			t.Error("two threads give other bytes than one")
		}
	}
}

// TestMeasured chooses without labels, by the squared difference of outputs that are no classes.
func TestMeasured(t *testing.T) {
	p := loadPair(t, "mlp", false)
	calib := open(t, p, "mnist_calib.npz", "none", 50)
	o := Options{Data: calib, Evaluate: eval.EvaluateOptions{Loss: eval.LossMSE}}
	_, report, err := Mend(context.Background(), p.ends(), p.average, Auto, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range report.Tried {
		if !(trial.Loss > 0) || !math.IsNaN(trial.Accuracy) {
			t.Errorf("%+v", trial)
		}
	}
	if len(report.Tried) < 2 || !strings.HasPrefix(report.Judge, "squared difference") {
		t.Errorf("%d tried, judged by %s", len(report.Tried), report.Judge)
	}
	raw, err := json.Marshal(Trial{Kind: LSQ, Loss: math.NaN(), Accuracy: 1})
	if want := `{"kind":"lsq","loss":null,"accuracy":1}`; err != nil || string(raw) != want {
		t.Errorf("a trial is written as %s, %v, want %s", raw, err, want)
	}
}
