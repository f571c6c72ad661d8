package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// passThrough is a session whose output is its input: what stands in a CSV file
// is what the model says.
type passThrough struct{ shape []int }

func (p passThrough) Run(_ context.Context, in map[string]*onnxgraph.Tensor, _ []string) (map[string]*onnxgraph.Tensor, error) {
	x := *in["x"]
	x.Shape = slices.Concat(x.Shape[:1], p.shape)
	return map[string]*onnxgraph.Tensor{"y": &x}, nil
}

func (passThrough) Close() error { return nil }

// judge evaluates rows of numbers, the label last, as outputs of a model whose
// last operator is op.
func judge(t *testing.T, op string, shape []int, opts EvaluateOptions, rows ...string) (*Evaluation, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	set := open(t, path, dataset.Options{Inputs: []dataset.Input{{Name: "x", Type: onnxgraph.Float32}}})
	m := sketch{inputs: []string{"x float32 n c"}, outputs: []string{"y float32 n c"}, nodes: nil}
	m.nodes = append(m.nodes, node(op+" x -> y"))
	return EvaluateAll(context.Background(), []*Runner{{Session: passThrough{shape}, Model: m.model(t)}}, set, opts)
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-6) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The loss of known outputs, by the last operator of the model or by name.
func TestLosses(t *testing.T) {
	ln := math.Log
	for _, test := range []struct {
		op             string
		loss           Loss
		rows           []string
		want, accuracy float64
		kind           Loss
	}{
		{"Relu", LossAuto, []string{"0,0,0", "2,0,0"}, (ln(2) + ln(1+math.Exp(-2))) / 2, 1, LossLogits},
		{"Relu", LossAuto, []string{"1000,0,1", "-1000,0,1"}, 500, 0.5, LossLogits},
		{"Softmax", LossAuto, []string{"0.25,0.75,1", "0.5,0.5,1"}, -(ln(.75) + ln(.5)) / 2, 0.5, LossProbabilities},
		{"Softmax", LossAuto, []string{"0,1,0"}, 126 * ln(2), 0, LossProbabilities},
		{"LogSoftmax", LossAuto, []string{"-1.3862943611,-0.2876820724,1"}, -ln(.75), 1, LossLogProbabilities},
		{"Relu", LossProbabilities, []string{"0.25,0.75,0"}, -ln(.25), 0, LossProbabilities},
		{"Sigmoid", LossAuto, []string{"0.75,1", "0.75,0"}, -(ln(.75) + ln(.25)) / 2, 0.5, LossBinary},
		{"Relu", LossAuto, []string{"0,1", "2,0"}, (ln(2) + ln(1+math.Exp(2))) / 2, 0, LossBinaryLogits},
		{"Relu", LossAuto, []string{"3,1.5", "2,2.5"}, (1.5*1.5 + .5*.5) / 2, math.NaN(), LossMSE},
		{"Relu", LossAuto, []string{"3,5", "2,7"}, (2*2 + 5*5) / 2., math.NaN(), LossMSE},
	} {
		columns := strings.Count(test.rows[0], ",")
		e, err := judge(t, test.op, []int{columns}, EvaluateOptions{Loss: test.loss}, test.rows...)
		if err != nil {
			t.Errorf("%s %q: %v", test.op, test.rows, err)
			continue
		}
		m := e.Metrics[0]
		near(t, fmt.Sprintf("loss of %s %q", test.op, test.rows), m.Loss, test.want)
		near(t, fmt.Sprintf("accuracy of %s %q", test.op, test.rows), m.Accuracy, test.accuracy)
		if m.Kind != test.kind {
			t.Errorf("%s %q: judged as %s, want %s", test.op, test.rows, m.Kind, test.kind)
		}
	}
}

// Top-5, confusion and calibration against counting by hand.
func TestCounts(t *testing.T) {
	// Six classes; the label's rank among the scores is 1, 5, 6, 2.
	e, err := judge(t, "Relu", []int{6}, EvaluateOptions{},
		"9,1,2,3,4,5,0", "5,4,3,2,1,0,4", "5,4,3,2,1,0,5", "0,0,9,8,0,0,3")
	if err != nil {
		t.Fatal(err)
	}
	m := e.Metrics[0]
	near(t, "accuracy", m.Accuracy, 0.25)
	near(t, "top-5", m.Top5, 0.75)
	if m.Confusion[0][0] != 1 || m.Confusion[4][0] != 1 || m.Confusion[5][0] != 1 || m.Confusion[3][2] != 1 {
		t.Errorf("confusion %v", m.Confusion)
	}
	// Scores that are not numbers are never right.
	if e, err = judge(t, "Relu", []int{2}, EvaluateOptions{}, "NaN,NaN,0", "0,1,1"); err != nil {
		t.Fatal(err)
	}
	near(t, "accuracy with NaN", e.Metrics[0].Accuracy, 0.5)
	if c := e.Metrics[0].Confusion; c[0][0] != 0 || c[1][1] != 1 {
		t.Errorf("confusion with NaN: %v", c)
	}
	// Labels that do not count leave the others as they are; so does a sample that has no other.
	if e, err = judge(t, "Relu", []int{2}, EvaluateOptions{Ignore: []int64{-100, 255}}, "3,0,-100", "0,0,1", "7,1,255", "2,2,0"); err != nil {
		t.Fatal(err)
	}
	near(t, "accuracy of the labels that count", e.Metrics[0].Accuracy, 0.5)
	near(t, "loss of the labels that count", e.Metrics[0].Loss, math.Log(2))
	// Two bins: confidence .9 with accuracy ½, confidence .6 with accuracy 1.
	e, err = judge(t, "Softmax", []int{2}, EvaluateOptions{}, "0.9,0.1,0", "0.9,0.1,1", "0.6,0.4,0", "0.4,0.6,1")
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ECE", e.Metrics[0].ECE, 0.5*math.Abs(.9-.5)+0.5*math.Abs(.6-1))
	if !math.IsNaN(e.Metrics[0].Top5) {
		t.Errorf("top-5 of two classes is %v", e.Metrics[0].Top5)
	}
}

// Rows with a single 1 are classes, but labels of their own where the loss is for
// each number.
func TestOneHot(t *testing.T) {
	rows := &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{2, 3}, Data: []int64{0, 1, 0, 1, 0, 0}}
	for loss, want := range map[Loss]labels{
		LossLogits: {classes: []int64{1, 0}, places: 1},
		LossBinary: {classes: []int64{0, 1, 0, 1, 0, 0}, places: 3},
	} {
		if got, err := readLabels(rows, 2, 3, loss); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", loss, got, err, want)
		}
	}
}

// What cannot be judged is said in one sentence.
func TestEvaluateErrors(t *testing.T) {
	for _, test := range []struct {
		op   string
		loss Loss
		rows []string
		want string
	}{
		{"Relu", LossAuto, []string{"0,1,2"}, "eval: d.csv: label 2 of sample 0 is not one of the model's 2 classes; --ignore-label 2 leaves such labels out"},
		{"Relu", LossAuto, []string{"0,1,0.5"}, `output "y": label 0.5 is not a class number; for targets that are measured, choose the loss "mse"`},
		{"Relu", LossBinary, []string{"0,1,1"}, `the loss "binary" wants one number per label`},
		{"Relu", LossMSE, []string{"0,1,1"}, "have 1 numbers per sample, the output has 2"},
	} {
		_, err := judge(t, test.op, []int{2}, EvaluateOptions{Loss: test.loss}, test.rows...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q", test.rows, err, test.want)
		}
	}
}

// Sequences have their classes last, pictures after the samples.
func TestPlaces(t *testing.T) {
	last := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{1, 2, 3}, Data: []float32{1, 2, 3, 6, 5, 4}}
	first := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{1, 3, 2}, Data: []float32{1, 6, 2, 5, 3, 4}}
	for _, x := range []*onnxgraph.Tensor{last, first} {
		s, err := readScores(x, 1, 2, LossMSE)
		if err != nil || s.classes != 3 || !slices.Equal(s.rows[0], []float64{1, 2, 3}) || !slices.Equal(s.rows[1], []float64{6, 5, 4}) {
			t.Errorf("%v: %v, %v", x.Shape, s, err)
		}
	}
	// Two labels for the six numbers of a plain row are not two rows of three.
	flat := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{1, 6}, Data: []float32{1, 2, 3, 6, 5, 4}}
	if _, err := readScores(flat, 1, 2, LossLogits); err == nil || !strings.Contains(err.Error(), "does not go with 2 labels per sample") {
		t.Errorf("two labels for one row of scores: error %v", err)
	}
	hot := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{2, 3}, Data: []float32{0, 1, 0, 1, 0, 0}}
	if l, err := readLabels(hot, 2, 3, LossLogits); err != nil || !slices.Equal(l.classes, []int64{1, 0}) || l.places != 1 {
		t.Errorf("one-hot labels: %v, %v", l, err)
	}
}

// The mean of probabilities' logarithms is the softmax of mean logits.
func TestEnsemble(t *testing.T) {
	a, b := []float64{1, 5, -2}, []float64{0, 3, 3}
	mean := []float64{0.5, 4, 0.5}
	logSoftmax(mean)
	logSoftmax(a)
	logSoftmax(b)
	of := func(row []float64) *scores { return &scores{n: 1, places: 1, classes: 3, rows: [][]float64{row}} }
	s, err := ensemble([]*scores{of(a), of(b)}, []int{0, 1}, []Loss{LossLogits, LossLogits})
	if err != nil {
		t.Fatal(err)
	}
	for c, v := range s.rows[0] {
		near(t, "score", v, mean[c])
	}
	near(t, "KL to itself", divergence(a, a), 0)
	p := newPairs(2)
	if err := p.add([]*scores{of(a), of(b)}, LossLogits); err != nil {
		t.Fatal(err)
	}
	var e Evaluation
	p.report(&e)
	near(t, "agreement", e.Agreement[0][1], 1) // of equal scores the first is taken
	if kl := e.KL; kl[0][1] <= 0 || kl[1][0] <= 0 || kl[0][1] == kl[1][0] || kl[0][0] != 0 {
		t.Errorf("KL %v", kl)
	}
}

// Numbers that are measured have a mean squared difference in place of classes.
func TestPlainLikeness(t *testing.T) {
	of := func(rows ...[]float64) *scores { return &scores{n: 2, places: 1, classes: 2, rows: rows} }
	p := newPairs(2)
	if err := p.add([]*scores{of([]float64{1, 2}, []float64{3, 4}), of([]float64{1, 4}, []float64{0, 4})}, LossMSE); err != nil {
		t.Fatal(err)
	}
	var e Evaluation
	p.report(&e)
	l := e.Likeness([]string{"a", "b"}, []int{0}, []int{1})
	if len(l) != 1 || !l[0].Plain() || !math.IsNaN(l[0].KL) {
		t.Fatalf("likeness %v", l)
	}
	near(t, "mean squared difference", l[0].MSE, (4.+9.)/4)
}

// A quantised model may have single elements apart, but not many: the mean is what fails then, and is named. A difference from
// nothing is all of it.
func TestMeanTolerance(t *testing.T) {
	var g gap
	g.compare([]float64{1, -1, 1, -1}, []float64{1.1, -1.1, 1.1, -1.1})
	if tol := toleranceQuantised; !tol.holdsEach(g, 0) || tol.holds(g, 0) || !tol.meanOnly(g, 0) {
		t.Error("elements a tenth apart agree in the mean")
	}
	near(t, "mean", g.mean(), 0.1)
	near(t, "allowed mean", toleranceQuantised.meanLimit(g), 5e-3+1e-4)
	near(t, "relative difference", g.relative(), 0.1)
	var zeros gap
	zeros.compare([]float64{0, 0}, []float64{0, 3})
	near(t, "relative difference from nothing", zeros.relative(), 1)
}

// Intervals hold what theory says of a mean, are the same for one seed, and
// shrink with the number of samples.
func TestBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var r, again replicates
	draws, same := newResampler(1000, 7), newResampler(1000, 7)
	n, sum := 2000, 0.0
	for range n {
		v := rng.NormFloat64()
		sum += v
		r.add(1, v, v, draws.next())
		again.add(1, v, v, same.next())
	}
	loss := func(r replicate) float64 { return r.loss }
	i := r.interval(loss)
	mean, half := sum/float64(n), 1.96/math.Sqrt(float64(n))
	if math.Abs(i[0]-(mean-half)) > half/5 || math.Abs(i[1]-(mean+half)) > half/5 {
		t.Errorf("interval %v, theory %v ± %v", i, mean, half)
	}
	if again.interval(loss) != i {
		t.Errorf("one seed gave %v and %v", i, again.interval(loss))
	}
	counts := make([]float64, 10)
	for _, k := range poisson {
		counts[k]++
	}
	for k, p := 0, math.Exp(-1); k < 6; k++ {
		if math.Abs(counts[k]/(1<<16)-p) > 2e-5 {
			t.Errorf("Poisson probability of %d is %v, want %v", k, counts[k]/(1<<16), p)
		}
		p /= float64(k + 1)
	}
}

// JSON has stable keys, and null for what is not a number.
func TestMetricsJSON(t *testing.T) {
	m := &Metrics{Samples: 3, Kind: LossLogits, Loss: math.Inf(1), Accuracy: 0.5, Top5: math.NaN(), ECE: 0.25, AccuracyInterval: Interval{0.25, 1}}
	text, err := json.Marshal(m)
	want := `{"samples":3,"kind":"logits","loss":null,"accuracy":0.5,"accuracy_interval":[0.25,1],"ece":0.25}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	// An interval from 0 to 0 is one.
	e, err := judge(t, "Relu", []int{2}, EvaluateOptions{}, "3,0,1", "3,0,1")
	if err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(e.Metrics[0]); err != nil || !strings.Contains(string(text), `"accuracy":0,"accuracy_interval":[0,0]`) {
		t.Errorf("%s, %v; want an interval", text, err)
	}
}

func TestBarrier(t *testing.T) {
	points := []Point{{0, 1, 0.9}, {0.25, 2, 0.5}, {0.5, 3, 0.2}, {0.75, 2.5, 0.4}, {1, 2, 0.7}}
	b, err := BarrierOf(points)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loss barrier", b.Loss, 1.5)
	near(t, "at", b.LossAt, 0.5)
	near(t, "accuracy barrier", b.Accuracy, 0.6)
	near(t, "midpoint", b.MidpointLoss, 1.5)
	near(t, "midpoint accuracy", b.MidpointAccuracy, 0.6)
	// Below the line everywhere: the barrier is negative, the ends do not count.
	b, err = BarrierOf([]Point{{1, 1, 0.5}, {0.5, 0.25, 0.75}, {0, 1, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "negative barrier", b.Loss, -0.75)
	near(t, "negative accuracy barrier", b.Accuracy, -0.25)
	if b, _ := BarrierOf([]Point{{0, 1, 1}, {0.5, math.NaN(), 0}, {1, 1, 1}}); !math.IsInf(b.Loss, 1) {
		t.Errorf("a loss that is not a number: %v", b)
	}
	for _, bad := range [][]Point{{{0, 1, 1}, {1, 1, 1}}, {{0, 1, 1}, {0.5, 1, 1}}, nil} {
		if _, err := BarrierOf(bad); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
	if got := Lambdas(5); !slices.Equal(got, []float64{0, .25, .5, .75, 1}) {
		t.Errorf("lambdas %v", got)
	}
}
