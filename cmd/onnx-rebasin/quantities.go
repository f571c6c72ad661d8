package main

import (
	"math"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// quantities are the numbers that --require knows. docs/pipelines.md lists them.
var quantities = []quantity{
	{"accuracy", "merge eval", true, "of the merged model, or of the one that eval is given; from 0 to 1", accuracyOf(judged)},
	{"loss", "merge eval", true, "of the same", lossOf(judged)},
	{"calibration_error", "merge eval", true, "of the same, from 0 to 1", metric(judged, func(m *eval.Metrics) float64 { return m.ECE })},
	{"accuracy_drop", "merge", true, "by how much accuracy is below that of the best model that was merged", accuracyDrop},
	{"ensemble_accuracy", "merge", true, "of the ensemble of the models", accuracyOf(ensemble)},
	{"ensemble_loss", "merge", true, "of the same", lossOf(ensemble)},
	{"naive_accuracy", "merge", true, "of the average of the models as they stand", accuracyOf(naive)},
	{"naive_loss", "merge", true, "of the same", lossOf(naive)},
	{"agreement", "merge eval", true, "part of the samples that get the class the ensemble gives, or the one model of --against; without labels", alike(func(l eval.Likeness) float64 { return l.Agreement })},
	{"kl", "merge eval", true, "divergence from the same, in nats", alike(func(l eval.Likeness) float64 { return l.KL })},
	{"loss_barrier", "merge barrier", true, "barrier: of the repaired path, else the aligned, else the naive; merge: how far the merged model's loss is above the models' own, averaged with their weights", barrierOf(lastPath, func(b *eval.Barrier) float64 { return b.Loss }, lossAbove)},
	{"accuracy_barrier", "merge barrier", true, "the same for accuracy, which it is below", barrierOf(lastPath, func(b *eval.Barrier) float64 { return b.Accuracy }, accuracyBelow)},
	{"naive_loss_barrier", "barrier", true, "of the naive path", barrierOf(naivePath, func(b *eval.Barrier) float64 { return b.Loss }, nil)},
	{"naive_accuracy_barrier", "barrier", true, "of the naive path", barrierOf(naivePath, func(b *eval.Barrier) float64 { return b.Accuracy }, nil)},
	{"distance", "merge align", false, "between the models' matched weights, after matching", distance(func(m *rebasin.MatchReport) float64 { return m.L2After }, func(m *rebasin.ManyReport) float64 { return m.Solutions[len(m.Solutions)-1].L2 })},
	{"distance_before", "merge align", false, "the same before matching", distance(func(m *rebasin.MatchReport) float64 { return m.L2Before }, func(m *rebasin.ManyReport) float64 { return m.Before.L2 })},
	{"moved", "merge align", false, "part of the units that matching moved", moves},
	{"permutable", "merge align", false, "part of the parameters that can be permuted", permutable},
	{"max_difference", "merge align verify", false, "largest difference of outputs in the check", difference(func(v *eval.Verification) float64 { return v.MaxAbs })},
	{"max_relative_difference", "merge align verify", false, "the same, as a part of the largest output", difference(func(v *eval.Verification) float64 { return v.MaxRel })},
}

func judged(e *rebasin.EvalReport) *eval.Metrics {
	if e.Merged != nil {
		return e.Merged
	}
	return e.A
}

func ensemble(e *rebasin.EvalReport) *eval.Metrics { return e.Ensemble }
func naive(e *rebasin.EvalReport) *eval.Metrics    { return e.Naive }

// metric is a number of one of the models.
func metric(of func(*rebasin.EvalReport) *eval.Metrics, number func(*eval.Metrics) float64) func(*rebasin.Report) float64 {
	return func(r *rebasin.Report) float64 {
		if r.Eval == nil || of(r.Eval) == nil {
			return math.NaN()
		}
		return number(of(r.Eval))
	}
}

func accuracyOf(of func(*rebasin.EvalReport) *eval.Metrics) func(*rebasin.Report) float64 {
	return metric(of, func(m *eval.Metrics) float64 { return m.Accuracy })
}

func lossOf(of func(*rebasin.EvalReport) *eval.Metrics) func(*rebasin.Report) float64 {
	return metric(of, func(m *eval.Metrics) float64 { return m.Loss })
}

// ends are the metrics of the models that were merged, each with its weight.
func ends(r *rebasin.Report) (metrics []*eval.Metrics, weights []float64) {
	switch {
	case r.Eval == nil:
	case r.Many != nil && len(r.Many.Models) == len(r.Eval.Models):
		for _, m := range r.Many.Models {
			weights = append(weights, m.Weight)
		}
		return r.Eval.Models, weights
	case r.Lambda != nil && r.Eval.A != nil && r.Eval.B != nil:
		return []*eval.Metrics{r.Eval.A, r.Eval.B}, []float64{1 - *r.Lambda, *r.Lambda}
	}
	return nil, nil
}

func accuracyDrop(r *rebasin.Report) float64 {
	list, _ := ends(r)
	if list == nil || r.Eval.Merged == nil {
		return math.NaN()
	}
	best := math.Inf(-1)
	for _, m := range list {
		best = max(best, m.Accuracy)
	}
	return best - r.Eval.Merged.Accuracy
}

// lossAbove is how far the merged model's loss is above the line between those of
// the models, the gap whose largest value along λ is the barrier.
func lossAbove(r *rebasin.Report) float64 {
	return gap(r, func(m *eval.Metrics) float64 { return m.Loss })
}

func accuracyBelow(r *rebasin.Report) float64 {
	return -gap(r, func(m *eval.Metrics) float64 { return m.Accuracy })
}

func gap(r *rebasin.Report, number func(*eval.Metrics) float64) float64 {
	list, weights := ends(r)
	if list == nil || r.Eval.Merged == nil {
		return math.NaN()
	}
	out := number(r.Eval.Merged)
	for k, m := range list {
		out -= weights[k] * number(m)
	}
	return out
}

// barrierOf is a number of a barrier, or, of a merge, another.
func barrierOf(path func(*rebasin.BarrierReport) *eval.Barrier, number func(*eval.Barrier) float64, other func(*rebasin.Report) float64) func(*rebasin.Report) float64 {
	return func(r *rebasin.Report) float64 {
		switch {
		case other != nil && r.Eval != nil && r.Eval.Merged != nil:
			return other(r)
		case r.Barrier != nil && path(r.Barrier) != nil:
			return number(path(r.Barrier))
		}
		return math.NaN()
	}
}

func lastPath(b *rebasin.BarrierReport) *eval.Barrier {
	for _, p := range []*eval.Barrier{b.Repaired, b.Aligned} {
		if p != nil {
			return p
		}
	}
	return b.Naive
}

func naivePath(b *rebasin.BarrierReport) *eval.Barrier { return b.Naive }

// alike is a number of how alike the answers of the merged model are to those
// of the ensemble, or of eval's model to those of the last it is held to.
func alike(number func(eval.Likeness) float64) func(*rebasin.Report) float64 {
	return func(r *rebasin.Report) float64 {
		if r.Eval == nil || len(r.Eval.Likeness) == 0 {
			return math.NaN()
		}
		return number(r.Eval.Likeness[len(r.Eval.Likeness)-1])
	}
}

func distance(two func(*rebasin.MatchReport) float64, many func(*rebasin.ManyReport) float64) func(*rebasin.Report) float64 {
	return func(r *rebasin.Report) float64 {
		switch {
		case r.Match != nil:
			return two(r.Match)
		case r.Many != nil && len(r.Many.Solutions) > 0:
			return many(r.Many)
		}
		return math.NaN()
	}
}

// moves is the part of the units that moved, of all models but the first.
func moves(r *rebasin.Report) float64 {
	switch {
	case r.Match != nil:
		return r.Match.Moved
	case r.Many != nil:
		sum := 0.0
		for _, m := range r.Many.Models {
			sum += m.Moved
		}
		return sum / float64(len(r.Many.Models)-1)
	}
	return 0
}

func permutable(r *rebasin.Report) float64 {
	return float64(r.Spec.Permutable) / float64(max(r.Spec.Parameters, 1))
}

// difference is the largest number of the verifications.
func difference(number func(*eval.Verification) float64) func(*rebasin.Report) float64 {
	return func(r *rebasin.Report) float64 {
		found := []*eval.Verification{r.Verify}
		if r.Many != nil {
			for _, m := range r.Many.Models {
				found = append(found, m.Verify)
			}
		}
		out := math.NaN()
		for _, v := range found {
			if v != nil && !(number(v) <= out) {
				out = number(v)
			}
		}
		return out
	}
}
