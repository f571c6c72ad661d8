package rebasin_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Of a model and its shuffled self, units at one place are alike to the last digit
// once they are reordered, whatever their group is nested in, and only then.
func TestCorrelationOfShuffled(t *testing.T) {
	nested := 0
	for _, name := range []string{"mlp/a", "resnet/a", "exports/gru_classic14", "exports/vit_classic14", "exports/llama_dynamo18", "exports/shufflenet_v1_classic12"} {
		a := load(t, filepath.Join("fixtures", name+".onnx"))
		al, err := rebasin.Align(context.Background(), a, relative(t, a, 0, true), rebasin.Options{NoVerify: true, Match: solver.Options{Effort: solver.EffortFast}})
		if err != nil {
			t.Fatal(err)
		}
		b := relative(t, a, 0, true)
		told := 0
		for g, group := range al.Spec.Groups {
			c, err := al.Correlation(context.Background(), a, b, group.Name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if places := len(al.Match.Perms[g]); c.Size != places || len(c.Shown) != min(places, 96) || c.By != "weights" {
				t.Fatalf("%s, group %s: %+v", name, group.Name, c)
			}
			if c.DiagonalAfter == 0 { // its weights are one number a unit, or all alike
				continue
			}
			told++
			if len(group.Under) > 0 {
				nested++
			}
			if c.DiagonalAfter < 0.999 && al.Match.L2After == 0 {
				t.Errorf("%s, group %s of %d: units at one place have a correlation of %v after alignment", name, group.Name, c.Size, c.DiagonalAfter)
			}
			if c.Size > 16 && c.DiagonalBefore > 0.6 {
				t.Errorf("%s, group %s of %d: units at one place have a correlation of %v before", name, group.Name, c.Size, c.DiagonalBefore)
			}
		}
		if told == 0 || al.Match.L2After > 0 {
			t.Errorf("%s: %d groups told, distance %v", name, told, al.Match.L2After)
		}
	}
	if nested == 0 {
		t.Error("no group was nested")
	}
}

// With data, units are compared by what they compute: by the same numbers before
// and after, in another order.
func TestCorrelationByActivations(t *testing.T) {
	a := load(t, "fixtures/mlp/a.onnx")
	b := relative(t, a, 0, true)
	al, err := rebasin.Align(context.Background(), a, b, rebasin.Options{NoVerify: true, Match: solver.Options{Effort: solver.EffortFast}})
	if err != nil {
		t.Fatal(err)
	}
	calib := &rebasin.Calibration{Data: data(t, a, 100, "fixtures/mnist_calib.npz"), Repair: repair.None}
	c, err := al.Correlation(context.Background(), a, b, "b", calib)
	if err != nil {
		t.Fatal(err)
	}
	if c.By != "activations" || c.DiagonalBefore > 0.5 {
		t.Errorf("by %s, before %v", c.By, c.DiagonalBefore)
	}
	for i, row := range c.After {
		if v := row[i]; math.Abs(v-1) > 1e-3 && v != 0 { // 0: a unit that never fires
			t.Errorf("unit %d and itself: %v", c.Shown[i], v)
		}
	}
}

// The group shown is the one named, or the one of which most moved; a name that is
// none is an error, and a model without groups shows nothing.
func TestCorrelationGroup(t *testing.T) {
	a, b := load(t, "fixtures/resnet/a.onnx"), load(t, "fixtures/resnet/b.onnx")
	align := func(o rebasin.Options) *rebasin.Alignment {
		o.NoVerify, o.Match.Effort = true, solver.EffortFast
		al, err := rebasin.Align(context.Background(), a, b, o)
		if err != nil {
			t.Fatal(err)
		}
		return al
	}
	al := align(rebasin.Options{})
	most, want := 0.0, ""
	for _, m := range al.Moves() {
		if moved := m.Moved * float64(m.Size*m.Rows); moved > most {
			most, want = moved, m.Name
		}
	}
	if c, err := al.Correlation(context.Background(), a, b, "", nil); err != nil || c.Group != want {
		t.Errorf("group %v, %v, want %s", c, err, want)
	}
	if _, err := al.Correlation(context.Background(), a, b, "nobody", nil); err == nil {
		t.Error("no error for a group that is not there")
	}
	frozen := rebasin.Options{}
	frozen.Infer.Freeze = func(*onnxgraph.Weight) bool { return true }
	if c, err := align(frozen).Correlation(context.Background(), a, b, "", nil); c != nil || err != nil {
		t.Errorf("%v, %v: a model of which nothing moves", fmt.Sprint(c), err)
	}
}
