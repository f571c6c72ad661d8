package repair

import (
	"errors"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// temperature finds the T by which the scores of a model should be divided for
// the least loss on the samples held back (Guo et al. 2017): by powers of √2 from
// ¼ to 4, and then by finer steps about the best of these. Where there are no labels, or none that
// the ends err on, it is no less than 1: a model is surer of samples that it learnt from than it
// should be of others, and whether these are such is not known.
func (j *job) temperature(m *onnxgraph.Model) (float64, error) {
	best, step := 0.0, 0.5 // logarithms to base 2
	for _, offsets := range [][]float64{{-4, -3, -2, -1, 0, 1, 2, 3, 4}, {-3, -2, -1, 0, 1, 2, 3}} {
		var models []*onnxgraph.Model
		for _, o := range offsets {
			e := &edits{model: m, changed: map[*onnxgraph.Weight]bool{}}
			if err := j.divideScores(e, math.Exp2(best+o*step)); err != nil {
				return 0, err
			}
			models = append(models, e.model)
		}
		trials, by, err := j.judge(make([]Kind, len(models)), models)
		if err == nil && j.measured {
			err = errors.New("repair: a temperature is for scores of classes, and what these models give is measured")
		}
		if err != nil {
			return 0, err
		}
		at := slices.Index(offsets, 0)
		for k, t := range trials {
			if (by == byLabels || best+offsets[k]*step >= 0) && t.Loss < trials[at].Loss {
				at = k
			}
		}
		best += offsets[at] * step
		step /= 4
	}
	return math.Exp2(best), nil
}

// keeping are the operators behind which the scores of a layer are still
// recognised: a temperature before them is one after them.
var keeping = []string{"Softmax", "LogSoftmax", "Sigmoid", "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"}

// divideScores folds a temperature into the last layer.
func (j *job) divideScores(e *edits, temperature float64) error {
	for _, v := range j.graph.Graph.Outputs {
		if name := j.opts.Evaluate.Output; !v.Type.IsFloat() || name != "" && name != v.Name {
			continue
		}
		for ; v != nil; v = v.Producer.Inputs[0] {
			if at := slices.IndexFunc(j.layers, func(l *layer) bool { return l.out == v && l.norm == nil }); at >= 0 {
				l := j.layers[at]
				alpha := slices.Repeat([]float64{1 / temperature}, l.groups*l.outs)
				return l.affine(e, alpha, make([]float64, len(alpha)))
			}
			if v.Producer == nil || len(v.Producer.Inputs) == 0 || !slices.Contains(keeping, v.Producer.Op) {
				break
			}
		}
		break
	}
	return errors.New("repair: no layer gives the scores, so there is no weight that a temperature could be folded into")
}
