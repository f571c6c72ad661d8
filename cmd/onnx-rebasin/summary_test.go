package main

import (
	"math"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// TestSummary holds the lines after a merge to their words.
func TestSummary(t *testing.T) {
	m := func(loss, accuracy float64) *eval.Metrics { return &eval.Metrics{Loss: loss, Accuracy: accuracy} }
	nan := math.NaN()
	spec := &permspec.Document{Groups: 2, FreeSlots: 64, Permutable: 900, Parameters: 1000}
	for _, c := range []struct {
		name   string
		report rebasin.Report
		want   string
	}{
		{"accuracies", rebasin.Report{Spec: spec, Match: &rebasin.MatchReport{L2Before: 10, L2After: 8, Moved: .5, Starts: 1, Seconds: 2},
			Eval: &rebasin.EvalReport{Samples: 1, A: m(.1, .98), B: m(.2, .96), Ensemble: m(.1, .99), Naive: m(2, .1), Merged: m(.15, .97)}}, `
matched   64 units in 2 groups, 90.0 % of the parameters: distance 10.0000 → 8.0000 (-20 %), 50 % of the units moved; best of 1 start, 2.00 s
compared  merged 97.00 %: 1.00 points below A, 1.00 above B, 2.00 below the ensemble, 87.00 above the naive average

  over 1 sample    loss  accuracy
              A  0.1000   98.00 %
              B  0.2000   96.00 %
       ensemble  0.1000   99.00 %
  naive average  2.0000   10.00 %
         merged  0.1500   97.00 %

wrote     out.onnx
`},
		{"measured targets", rebasin.Report{Spec: spec,
			Eval: &rebasin.EvalReport{Samples: 20, A: m(.5, nan), B: m(.6, nan), Naive: m(.9, nan), Merged: m(.6, nan)}}, `
matched   nothing: the models are averaged as they stand
compared  merged loss 0.6000: 0.1000 above A, equal to B, 0.3000 below the naive average

  over 20 samples    loss  accuracy
                A  0.5000         –
                B  0.6000         –
    naive average  0.9000         –
           merged  0.6000         –

wrote     out.onnx
`},
		{"no labels", rebasin.Report{Spec: spec,
			Eval: &rebasin.EvalReport{Samples: 20, Likeness: []eval.Likeness{{Model: "naive", To: "ensemble", Agreement: .5, KL: 1}, {Model: "merged", To: "ensemble", Agreement: .95, KL: .1}}}}, `
matched   nothing: the models are averaged as they stand
compared  answers as the ensemble does: naive on 50.00 % of the samples, merged on 95.00 % of the samples

  over 20 samples without labels  agrees with           KL, nats
                           naive     ensemble  50.00 %    1.0000
                          merged     ensemble  95.00 %    0.1000

wrote     out.onnx
`},
		{"nothing to permute, no data", rebasin.Report{Command: "merge", Spec: &permspec.Document{}, Match: &rebasin.MatchReport{}}, `
matched   nothing: no unit of these models can be permuted
compared  with nothing: --data test.npz tells how it does beside the models, their ensemble and the naive average
wrote     out.onnx
`},
	} {
		var b strings.Builder
		summarise(&b, &c.report, "out.onnx")
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("%s:%s", c.name, got)
		}
	}
}

// TestByteCount has the unit that suits.
func TestByteCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1 kB", 926_000: "926 kB", 12_340_000: "12.3 MB", 5e15: "5e+03 TB"} {
		if got := byteCount(n); got != want {
			t.Errorf("%d bytes are %s, want %s", n, got, want)
		}
	}
}
