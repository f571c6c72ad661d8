package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Objective is a loss with its gradient by the output of a model: what the output
// means is found out as EvaluateAll does.
type Objective struct {
	Output *onnxgraph.Value
	kind   Loss
	fixed  bool    // kind is as asked for, not recognised
	ignore []int64 // labels that do not count
	single bool    // the model takes one sample at a time
}

// NewObjective chooses the output of a model and its loss.
func NewObjective(m *onnxgraph.Model, opts EvaluateOptions) (*Objective, error) {
	v, err := outputOf(m, opts.Output)
	if err != nil {
		return nil, err
	}
	o := &Objective{Output: v, kind: opts.Loss, fixed: opts.Loss != LossAuto, ignore: opts.Ignore}
	if !o.fixed {
		o.kind = LossOf(v)
	}
	o.single = len(m.Graph.Inputs) > 0 && !slices.ContainsFunc(m.Graph.Inputs, func(v *onnxgraph.Value) bool { return declaredSize(v, 0) != 1 })
	return o, nil
}

// Measures tells whether the outputs are measured numbers, not classes. It is
// known for sure after the first target.
func (o *Objective) Measures() bool { return o.kind == LossMSE }

// Target is what a model should say about a batch: the probability of each class
// at every place of every sample or, for MSE, the numbers themselves.
type Target struct {
	rows   [][]float64 // nil for one that does not count
	n      int         // samples
	places int
}

// count is how many rows count, and 1 where none does.
func (t *Target) count() float64 {
	n := 0
	for _, row := range t.rows {
		if row != nil {
			n++
		}
	}
	return float64(max(1, n))
}

// Labels is the target of the labels of a batch, of which like is some model's
// output.
func (o *Objective) Labels(b *dataset.Batch, like *onnxgraph.Tensor) (*Target, error) {
	if b.Labels == nil {
		return nil, errors.New("eval: a batch without labels")
	}
	like = o.rowOf(like)
	per, err := samplesOf(like, b.N)
	if err != nil {
		return nil, o.named(err)
	}
	if kind := singleNumber(b.Labels, b.N, per); !o.fixed && (o.kind == LossLogits || o.kind == LossBinary && kind == LossMSE) {
		o.kind, o.fixed = kind, true
	}
	l, err := readLabels(b.Labels, b.N, per, o.kind)
	if err != nil {
		return nil, o.named(err)
	}
	s, err := readScores(like, b.N, l.places, o.kind)
	if err != nil {
		return nil, o.named(err)
	}
	t := &Target{n: b.N, places: l.places}
	for i := range s.rows {
		if o.kind == LossMSE {
			t.rows = append(t.rows, l.targets[i*s.classes:][:s.classes])
			continue
		}
		y := l.classes[i]
		if slices.Contains(o.ignore, y) {
			t.rows = append(t.rows, nil)
			continue
		}
		if y < 0 || y >= int64(s.classes) {
			return nil, fmt.Errorf("eval: label %d is not one of the model's %d classes", y, s.classes)
		}
		row := make([]float64, s.classes)
		row[y] = 1
		t.rows = append(t.rows, row)
	}
	return t, nil
}

// Ensemble is the target that models set together for n samples: the class
// probabilities of their mean scores, as those of an ensemble of EvaluateAll, or
// their mean outputs.
func (o *Objective) Ensemble(outputs []*onnxgraph.Tensor, n int) (*Target, error) {
	outputs = slices.Clone(outputs)
	for k := range outputs {
		outputs[k] = o.rowOf(outputs[k])
	}
	t := &Target{n: n, places: guessPlaces(outputs[0].Shape)}
	if per, err := samplesOf(outputs[0], n); err == nil && per != t.places && o.kind == LossBinary && !o.fixed {
		o.kind, o.fixed = LossMSE, true // as for EvaluateAll
	}
	var all []*scores
	var members []int
	var kinds []Loss
	for k, out := range outputs {
		s, err := readScores(out, n, t.places, o.kind)
		if err != nil {
			return nil, o.named(err)
		}
		if s.classes == 1 && o.kind == LossLogits && !o.fixed { // a measured number
			o.kind, o.fixed = LossMSE, true
			return o.Ensemble(outputs, n)
		}
		all, members, kinds = append(all, s), append(members, k), append(kinds, o.kind)
	}
	mean, err := ensemble(all, members, kinds)
	if err != nil {
		return nil, err
	}
	for _, row := range mean.rows {
		if o.kind != LossMSE {
			for c, v := range row {
				row[c] = math.Exp(v)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t, nil
}

// Mixture is the target that models set together for n samples when each speaks for
// itself: their mean class probabilities, less sure than those of their mean scores
// where the models differ; or their mean outputs.
func (o *Objective) Mixture(outputs []*onnxgraph.Tensor, n int) (*Target, error) {
	var mean *Target
	for _, out := range outputs {
		t, err := o.Ensemble([]*onnxgraph.Tensor{out}, n)
		if err != nil {
			return nil, err
		}
		if mean == nil {
			mean = &Target{n: n, places: t.places, rows: make([][]float64, len(t.rows))}
		}
		for i, row := range t.rows {
			if mean.rows[i] == nil {
				mean.rows[i] = make([]float64, len(row))
			}
			for c, v := range row {
				mean.rows[i][c] += v / float64(len(outputs))
			}
		}
	}
	return mean, nil
}

// rowOf gives an output the axis of samples that a model of one sample has left out.
func (o *Objective) rowOf(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	if o.single {
		return asRow(t)
	}
	return t
}

func (o *Objective) named(err error) error {
	return fmt.Errorf("eval: output %q: %w", o.Output.Name, err)
}

// Wrong is the fraction of places where the likeliest class of an output is not
// that of the target; 0 for MSE.
func (o *Objective) Wrong(output *onnxgraph.Tensor, t *Target) (float64, error) {
	s, err := readScores(o.rowOf(output), t.n, t.places, o.kind)
	if err != nil || o.kind == LossMSE {
		return 0, err
	}
	wrong := 0
	for i, row := range s.rows {
		if t.rows[i] != nil && argmax(row) != argmax(t.rows[i]) {
			wrong++
		}
	}
	return float64(wrong) / t.count(), nil
}

// Slope is the mean loss of an output and its gradient by every element: the
// divergence of the output's probabilities from the target's, which is the
// cross-entropy where a target is certain, or the mean squared difference.
func (o *Objective) Slope(output *onnxgraph.Tensor, t *Target) (loss float64, gradient []float32, err error) {
	output = o.rowOf(output)
	at, err := findRows(output, t.n, t.places, o.kind)
	if err != nil {
		return 0, nil, o.named(err)
	}
	s, err := readScores(output, t.n, t.places, o.kind)
	if err != nil {
		return 0, nil, o.named(err)
	}
	data, err := floats(output)
	if err != nil {
		return 0, nil, err
	}
	gradient = make([]float32, len(data))
	for i, row := range s.rows {
		if t.rows[i] == nil {
			continue
		}
		part, by := o.row(row, t.rows[i])
		loss += part / t.count()
		for c := range at.classes {
			k := at.at(i, c)
			gradient[k] = float32(o.byOutput(by, c, data[k]) / t.count())
		}
	}
	return loss, gradient, nil
}

// row is the loss of one row and its gradient by the row's scores.
func (o *Objective) row(row, target []float64) (loss float64, by []float64) {
	by = make([]float64, len(row))
	for c, v := range row {
		if o.kind == LossMSE {
			d := v - target[c]
			loss, by[c] = loss+d*d/float64(len(row)), 2*d/float64(len(row))
			continue
		}
		if p := target[c]; p > 0 {
			loss += p * (math.Log(p) - v)
		}
		by[c] = math.Exp(v) - target[c]
	}
	return loss, by
}

// byOutput takes a gradient by scores, see Loss.scores, to that by the output's
// element x of class c.
func (o *Objective) byOutput(by []float64, c int, x float64) float64 {
	const smallest = 0x1p-126 // as in logOf
	switch o.kind {
	case LossProbabilities:
		return by[c] / max(x, smallest)
	case LossBinary:
		return by[1]/max(x, smallest) - by[0]/max(1-x, smallest)
	case LossBinaryLogits:
		return by[1]
	}
	return by[c]
}
