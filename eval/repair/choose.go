package repair

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// choose tries every repair that the model has a use for and returns the one
// that does best on data held back: see race.
func (j *job) choose(average *onnxgraph.Model, r *Report) (Kind, error) {
	kinds := []Kind{None}
	if j.normalised() {
		kinds = append(kinds, BN)
	}
	if len(j.layers) > 0 {
		kinds = append(kinds, Rescale, LSQ)
	}
	defer func(was int) { j.fold = was }(j.fold)
	var best int
	var err error
	r.Tried, best, err = race(len(kinds), func(fold int, list []int) (trials []Trial, err error) {
		j.fold = fold
		var models []*onnxgraph.Model
		for _, k := range list {
			e, err := j.apply(kinds[k], average, true)
			if err != nil {
				return nil, fmt.Errorf("repair %s: %w", kinds[k], err)
			}
			models = append(models, e.model)
		}
		trials, r.Judge, err = j.judge(picked(kinds, list), models)
		return trials, err
	})
	if err != nil {
		return None, err
	}
	return kinds[best], nil
}

func (j *job) normalised() bool {
	f := newFinder(j.graph)
	for _, n := range j.graph.Graph.Nodes {
		if f.ownStatistics(n) != nil {
			return true
		}
	}
	return false
}

// Memorised is how rarely the ends err on labels that they are known by: below
// it the labels are taken for the ones they were trained on, and every loss that
// is smaller the surer a model is.
const Memorised = 0.01

// byLabels is what candidates are judged by where there are labels that the ends err on.
const byLabels = "loss on labelled samples held back"

// judge runs candidates beside the ends on the samples held back: their loss or,
// when there are no labels or the ends know them by heart, how far they are from
// the ensemble of the ends: by the divergence of class probabilities, or the squared difference of what is measured.
func (j *job) judge(kinds []Kind, models []*onnxgraph.Model) ([]Trial, string, error) {
	runners := append([]*eval.Runner(nil), j.sessions...)
	for _, m := range models {
		r, err := eval.Open(m, j.opts.Open)
		if err != nil {
			return nil, "", err
		}
		defer r.Close()
		runners = append(runners, r)
	}
	o := j.opts.Evaluate
	o.Batch, o.Replicates, o.Only = j.size, -1, j.held
	labelled := j.opts.Data.HasLabels()
	o.Compare = true
	all := make([]int, len(j.ends))
	for k := range all {
		all[k] = k
	}
	o.Ensembles = [][]int{all}
	e, err := eval.EvaluateAll(j.ctx, runners, j.opts.Data, o)
	if err != nil {
		return nil, "", err
	}
	if labelled && e.KL != nil {
		heart, err := j.byHeart()
		if err != nil {
			return nil, "", err
		}
		labelled = !heart
	}
	j.measured = e.MSE != nil || labelled && e.Metrics[0].Kind == eval.LossMSE
	var out []Trial
	for k, kind := range kinds {
		at, ensemble := len(j.ends)+k, len(runners)
		switch {
		case labelled:
			out = append(out, Trial{Kind: kind, Loss: e.Metrics[at].Loss, Accuracy: e.Metrics[at].Accuracy})
		case e.MSE != nil:
			out = append(out, Trial{Kind: kind, Loss: e.MSE[ensemble][at], Accuracy: math.NaN()})
		default:
			out = append(out, Trial{Kind: kind, Loss: e.KL[ensemble][at], Accuracy: e.Agreement[ensemble][at]})
		}
	}
	if labelled {
		return out, byLabels, nil
	}
	if e.MSE != nil {
		return out, "squared difference from the mean of the models on samples held back", nil
	}
	return out, "divergence from the ensemble on samples held back", nil
}

// byHeart reports whether the ends know the labels by heart, over all samples.
func (j *job) byHeart() (bool, error) {
	if j.heart == nil {
		o := j.opts.Evaluate
		o.Batch, o.Replicates = j.size, -1
		e, err := eval.EvaluateAll(j.ctx, j.sessions, j.opts.Data, o)
		if err != nil {
			return false, err
		}
		heart := wrong(e.Metrics) < Memorised
		j.heart = &heart
	}
	return *j.heart, nil
}

// wrong is the mean fraction of labels that models get wrong.
func wrong(ms []*eval.Metrics) float64 {
	sum := 0.0
	for _, m := range ms {
		sum += 1 - m.Accuracy
	}
	return sum / float64(len(ms))
}
