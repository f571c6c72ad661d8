package rebasin

import (
	"math"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// A hint is given when there is reason to, and only then.
func TestEvalHints(t *testing.T) {
	report := func(a, naive, merged eval.Metrics) *EvalReport {
		return &EvalReport{A: &a, B: &a, Naive: &naive, Merged: &merged}
	}
	m := func(loss, accuracy float64) eval.Metrics { return eval.Metrics{Loss: loss, Accuracy: accuracy} }
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		report *EvalReport
		want   string // "": no hint
	}{
		{"merged well", report(m(.1, .98), m(1, .5), m(.1, .97)), ""},
		{"near copies", report(m(.1, .98), m(.1, .98), m(.1, .98)), "need no alignment"},
		{"both useless", report(m(.1, .98), m(2.4, .13), m(2.9, .12)), "far below its ends"},
		{"collapsed", report(m(.1, .98), m(2.4, .13), m(1, .5)), "far below its ends"},
		{"measured, naive no worse", report(m(.1, nan), m(.1, nan), m(.2, nan)), "need no alignment"},
		{"measured, merged better", report(m(.1, nan), m(.5, nan), m(.2, nan)), ""},
		{"one model", &EvalReport{A: &eval.Metrics{Loss: .1}}, ""},
		{"one model, not a number", &EvalReport{A: &eval.Metrics{Loss: nan}}, "not a number"},
		{"not a number", report(m(nan, 0), m(nan, 0), m(nan, 0)), "not a number"},
	} {
		hints := strings.Join(c.report.Hints(true, false), "; ")
		if c.want == "" && hints != "" || !strings.Contains(hints, c.want) {
			t.Errorf("%s: hints %q, want %q", c.name, hints, c.want)
		}
	}
}
