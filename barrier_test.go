package rebasin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// load opens a model for the time of a test.
func load(t *testing.T, path ...string) *onnxgraph.Model {
	t.Helper()
	m, err := onnxgraph.Load(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// data opens a data set for a model's inputs, for the time of a test.
func data(t *testing.T, m *onnxgraph.Model, limit int, path ...string) *dataset.Set {
	t.Helper()
	s, err := dataset.Open(filepath.Join(path...), dataset.Options{Inputs: eval.InputsOf(m), Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The ends of all paths are A and B, and the midpoint of the aligned path is what
// Merge makes.
func TestBarrier(t *testing.T) {
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/mlp/b.onnx")
	opts := rebasin.BarrierOptions{Points: 5, Data: data(t, a, 0, "fixtures/mnist_test.npz"), Train: data(t, a, 100, "fixtures/mnist_calib.npz")}
	got, err := rebasin.Barrier(context.Background(), a, b, opts)
	if err != nil {
		t.Fatal(err)
	}
	if got.Test.Samples != 1000 || got.Train.Samples != 100 || len(got.Test.Points) != 5 || got.Test.Repaired != nil {
		t.Fatalf("%d and %d samples, %d points", got.Test.Samples, got.Train.Samples, len(got.Test.Points))
	}
	for _, p := range got.Test.Points {
		if end := p.Lambda == 0 || p.Lambda == 1; end != (p.Naive.Loss == p.Aligned.Loss) {
			t.Errorf("λ = %v: naive %v, aligned %v", p.Lambda, p.Naive.Loss, p.Aligned.Loss)
		}
	}
	want, err := rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		m    *onnxgraph.Model
		loss float64
	}{{a, got.Test.Points[0].Aligned.Loss}, {want.Model, got.Test.Points[2].Aligned.Loss}, {b, got.Test.Points[4].Aligned.Loss}} {
		r, err := eval.Open(end.m, eval.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := eval.Evaluate(context.Background(), r, opts.Data, eval.EvaluateOptions{Replicates: -1})
		if err != nil || m.Loss != end.loss {
			t.Errorf("loss %v on the path, %v alone (%v)", end.loss, m.Loss, err)
		}
		r.Close()
	}
	n, al := got.Test.Naive, got.Test.Aligned
	if !(n.Loss > 5*math.Abs(al.Loss)) || !(n.LossInterval[0] <= n.Loss && n.Loss <= n.LossInterval[1]) {
		t.Errorf("naive barrier %+v, aligned %+v", n, al)
	}
	testReport(t, got)
}

// Statistics of BatchNormalization estimated anew lower the barrier of aligned
// networks, and the midpoint of that path is what Merge makes with them.
func TestBarrierRepaired(t *testing.T) {
	a, b := load(t, "fixtures/resnet/a.onnx"), load(t, "fixtures/resnet/b.onnx")
	opts := rebasin.BarrierOptions{Points: 3, Data: data(t, a, 0, "fixtures/mnist_test.npz")}
	opts.Calib = &rebasin.Calibration{Data: data(t, a, 200, "fixtures/mnist_calib.npz"), Repair: repair.Auto}
	got, err := rebasin.Barrier(context.Background(), a, b, opts)
	if err != nil {
		t.Fatal(err)
	}
	if got.Test.Repaired == nil || !(got.Test.Repaired.Loss < got.Test.Aligned.Loss) {
		t.Fatalf("barrier %+v, repaired %+v", got.Test.Aligned, got.Test.Repaired)
	}
	opts.Options.Lambda = 0.5
	merged, err := rebasin.Merge(context.Background(), a, b, opts.Options)
	if err != nil {
		t.Fatal(err)
	}
	r, err := eval.Open(merged.Model, eval.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m, err := eval.Evaluate(context.Background(), r, opts.Data, eval.EvaluateOptions{Replicates: -1})
	if mid := got.Test.Points[1].Repaired; err != nil || m.Loss != mid.Loss {
		t.Errorf("loss %v on the path, %v merged (%v)", mid.Loss, m.Loss, err)
	}
	if got.Report().Repair == nil || got.Repair.Kind != merged.Repair.Kind {
		t.Errorf("repair %+v on the path, %+v merged", got.Repair, merged.Repair)
	}
}

// testReport holds the report to its keys.
func testReport(t *testing.T, b *rebasin.Barriers) {
	text, err := json.Marshal(b.Report())
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Curve []struct {
			Lambda                   *float64
			Naive, Aligned, Repaired struct{ Loss, Accuracy *float64 }
		}
		Barrier struct {
			Naive, Aligned struct{ Loss, Accuracy *float64 }
		}
		TrainCurve   []any          `json:"train_curve"`
		TrainBarrier map[string]any `json:"train_barrier"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Curve) != 5 || len(r.TrainCurve) != 5 || r.Curve[2].Aligned.Loss == nil || r.Barrier.Naive.Loss == nil || r.Barrier.Aligned.Accuracy == nil || r.TrainBarrier["aligned"] == nil {
		t.Errorf("report %s", text)
	}
	var table bytes.Buffer
	if err := rebasin.WriteCurveCSV(&table, b); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(table.String(), "\n"); lines != 1+2*2*5 || !strings.Contains(table.String(), "\ntest,aligned,0.5,") {
		t.Errorf("%d lines of CSV:\n%s", lines, table.String())
	}
}

// Measured targets have no accuracy: its fields and those of its interval are
// empty, those of the loss are not.
func TestCurveCSVOfMeasuredTargets(t *testing.T) {
	m := &eval.Metrics{Loss: 2, LossInterval: eval.Interval{1, 3}, Accuracy: math.NaN(), Kind: eval.LossMSE}
	var table bytes.Buffer
	b := &rebasin.Barriers{Test: &rebasin.Curve{Points: []rebasin.CurvePoint{{Lambda: 0.5, Naive: m}}}}
	if err := rebasin.WriteCurveCSV(&table, b); err != nil {
		t.Fatal(err)
	}
	if _, row, _ := strings.Cut(table.String(), "\n"); row != "test,naive,0.5,2,1,3,,,\n" {
		t.Errorf("row %q", row)
	}
}

// The reference's figures for the MNIST pair: the naive midpoint has loss .941,
// the aligned path no barrier.
func TestBarrierReference(t *testing.T) {
	if testing.Short() {
		t.Skip("runs 10,000 images at 5 places")
	}
	dir := shared.Dir(t)
	a, b := load(t, dir, "models/mnist_mlp/a.onnx"), load(t, dir, "models/mnist_mlp/b.onnx")
	got, err := rebasin.Barrier(context.Background(), a, b, rebasin.BarrierOptions{Points: 5, Data: data(t, a, 0, dir, "data/mnist_test.npz")})
	if err != nil {
		t.Fatal(err)
	}
	if loss := got.Test.Points[2].Naive.Loss; math.Abs(loss-0.94104) > 1e-4 {
		t.Errorf("naive midpoint has loss %v, want 0.94104", loss)
	}
	if got.Test.Aligned.Loss > 0 {
		t.Errorf("aligned barrier %v, want none", got.Test.Aligned.Loss)
	}
}

// A barrier needs labels, three points and one architecture.
func TestBarrierErrors(t *testing.T) {
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/mlp/b.onnx")
	set := data(t, a, 10, "fixtures/mnist_test.npz")
	bare, err := dataset.Open("fixtures/mnist_test.npz", dataset.Options{Inputs: eval.InputsOf(a), Labels: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	for want, opts := range map[string]rebasin.BarrierOptions{
		"measured on data": {}, "three points": {Data: set, Points: 2}, "labels": {Data: bare},
	} {
		if _, err := rebasin.Barrier(context.Background(), a, b, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	opts := rebasin.BarrierOptions{Points: 3, Data: set}
	opts.NoMatch = true
	got, err := rebasin.Barrier(context.Background(), a, b, opts)
	if err != nil || got.Test.Aligned != nil || got.Test.Naive == nil || got.Test.Points[1].Aligned != nil {
		t.Errorf("without matching: %+v, %v", got, err)
	}
}
