package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// EvaluateOptions say how models are judged. The zero value is usable.
type EvaluateOptions struct {
	Loss       Loss
	Output     string  // the output to judge; "": the first floating-point one
	Batch      int     // samples at a time; 0: 256
	Ensembles  [][]int // sets of models whose mean scores are judged as one more model each
	Compare    bool    // compare every model with every other; the only result when there are no labels
	Ignore     []int64 // labels that do not count, such as the -100 of PyTorch's losses
	Replicates int     // of the bootstrap; 0: 1000, negative: no intervals
	Seed       uint64  // of the bootstrap
	Progress   func(done, total int)

	Only func(batch int) bool // the batches to judge on, by number; nil: all
}

// Evaluation is what one pass over a data set has found. Models are numbered as
// they were given, ensembles after them.
type Evaluation struct {
	Samples   int
	Metrics   []*Metrics  // nil when the data set has no labels
	Agreement [][]float64 // [i][j]: fraction of labels that i and j give the same class
	KL        [][]float64 // [i][j]: mean KL(i ‖ j) of their class probabilities, in nats
	MSE       [][]float64 // [i][j]: mean squared difference of answers that are plain numbers; in place of the two above
}

// Evaluate judges one model on a data set.
func Evaluate(ctx context.Context, r *Runner, set *dataset.Set, opts EvaluateOptions) (*Metrics, error) {
	if err := set.RequireLabels(); err != nil {
		return nil, err
	}
	e, err := EvaluateAll(ctx, []*Runner{r}, set, opts)
	if err != nil {
		return nil, err
	}
	return e.Metrics[0], nil
}

// EvaluateAll judges several models in one pass over a data set, which must
// have been opened for the first model's inputs. Labels are needed unless the
// models are to be compared only.
//
// An ensemble's scores are the mean of its members' log-probabilities, which is
// the softmax of their mean logits; with MSE, the mean of their outputs.
//
// Memory is that of a batch, whatever the size of the data set.
func EvaluateAll(ctx context.Context, runners []*Runner, set *dataset.Set, opts EvaluateOptions) (*Evaluation, error) {
	if !opts.Compare {
		if err := set.RequireLabels(); err != nil {
			return nil, err
		}
	}
	p := &pass{runners: runners, opts: opts, data: set.Name, labelled: set.HasLabels()}
	if err := p.start(); err != nil {
		return nil, err
	}
	size := opts.Batch
	if size <= 0 {
		size = 256
	}
	done, number := 0, -1
	for b, err := range set.Batches(size) {
		if number++; err == nil && opts.Only != nil && !opts.Only(number) {
			continue
		}
		if err == nil {
			err = p.batch(ctx, b)
		}
		if err != nil {
			return nil, err
		}
		done += b.N
		if opts.Progress != nil {
			opts.Progress(done, set.Len())
		}
	}
	if len(p.tallies) > 0 && p.tallies[0] != nil && p.tallies[0].labels == 0 {
		return nil, fmt.Errorf("eval: %s: every label is one that does not count", p.data)
	}
	return p.result(done), nil
}

// pass is one evaluation under way.
type pass struct {
	runners  []*Runner
	outputs  []*onnxgraph.Value
	opts     EvaluateOptions
	data     string // name of the data set
	labelled bool
	kinds    []Loss // of the runners
	tallies  []*tally
	pairs    *pairs
	draws    *resampler
}

// start chooses each model's output and loss.
func (p *pass) start() error {
	for _, r := range p.runners {
		v, err := outputOf(r.Model, p.opts.Output)
		if err != nil {
			return err
		}
		kind := p.opts.Loss
		if kind == LossAuto {
			kind = LossOf(v)
		}
		p.outputs, p.kinds = append(p.outputs, v), append(p.kinds, kind)
	}
	for _, members := range p.opts.Ensembles {
		for _, i := range members {
			if i < 0 || i >= len(p.runners) {
				return fmt.Errorf("eval: an ensemble of model %d, of %d", i, len(p.runners))
			}
		}
		if len(members) == 0 {
			return errors.New("eval: an ensemble of no models")
		}
	}
	n := len(p.runners) + len(p.opts.Ensembles)
	p.tallies = make([]*tally, n)
	if p.opts.Compare {
		p.pairs = newPairs(n)
	}
	replicates := p.opts.Replicates
	if replicates == 0 {
		replicates = 1000
	}
	p.draws = newResampler(max(0, replicates), p.opts.Seed)
	return nil
}

// outputOf finds the output to judge. Of a ZipMap, which makes maps from class
// to score, it is the scores.
func outputOf(m *onnxgraph.Model, name string) (*onnxgraph.Value, error) {
	for _, v := range m.Graph.Outputs {
		scores := v
		if n := v.Producer; n != nil && n.Op == "ZipMap" && len(n.Inputs) == 1 && n.Inputs[0] != nil {
			scores = n.Inputs[0]
		}
		if name == v.Name || name == "" && (v.Type.IsFloat() || scores != v) {
			return scores, nil
		}
	}
	if name != "" {
		return nil, fmt.Errorf("eval: %s has no output %q", m.Path, name)
	}
	return nil, fmt.Errorf("eval: %s has no floating-point output to judge", m.Path)
}

// batch runs all models on a batch and counts what they say.
func (p *pass) batch(ctx context.Context, b *dataset.Batch) error {
	var all []*scores
	var right labels
	for i, r := range p.runners {
		t, err := p.run(ctx, i, b)
		if err != nil {
			return err
		}
		s, l, err := p.read(i, t, b)
		if err != nil {
			return fmt.Errorf("eval: %s, output %q: %w", r.Model.Path, p.outputs[i].Name, err)
		}
		all, right = append(all, s), l
	}
	for _, members := range p.opts.Ensembles {
		s, err := ensemble(all, members, p.kinds)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	if p.pairs != nil {
		if err := p.pairs.add(all, p.kinds[0]); err != nil {
			return err
		}
	}
	if !p.labelled {
		return nil
	}
	return p.count(all, right)
}

// run computes the output of model i, in batches of the size that it takes: another than the first model's where both
// fix it.
func (p *pass) run(ctx context.Context, i int, b *dataset.Batch) (*onnxgraph.Tensor, error) {
	r, name := p.runners[i], p.outputs[i].Name
	whole := &dataset.Batch{N: b.N, Inputs: renamed(b.Inputs, p.runners[0].Model, r.Model)}
	parts, size := []*dataset.Batch{whole}, batchOf(r.Model, whole)
	if size > 0 {
		parts = whole.Cut(size)
	}
	var outs []*onnxgraph.Tensor
	var samples []int
	for _, part := range parts {
		out, err := r.Run(ctx, part.Inputs, []string{name})
		if err != nil {
			return nil, err
		}
		outs, samples = append(outs, rowOf(out[name], part)), append(samples, part.N)
	}
	if size > 0 {
		return dataset.Join(outs, samples, size), nil
	}
	return outs[0], nil
}

// rowOf gives what a model says of a single sample the axis of samples that the model has left out.
func rowOf(t *onnxgraph.Tensor, b *dataset.Batch) *onnxgraph.Tensor {
	for _, in := range b.Inputs {
		if len(in.Shape) == 0 || in.Shape[0] != 1 {
			return t
		}
	}
	return asRow(t)
}

// asRow is a vector as the one row of a matrix; other tensors stay. A number alone is a row, too.
func asRow(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	switch {
	case len(t.Shape) == 0:
		return &onnxgraph.Tensor{Type: t.Type, Shape: []int{1}, Data: t.Data}
	case len(t.Shape) == 1 && t.Shape[0] > 1:
		return &onnxgraph.Tensor{Type: t.Type, Shape: []int{1, t.Shape[0]}, Data: t.Data}
	}
	return t
}

// batchOf returns how many samples a model takes at a time where a batch has another number of them; else 0.
func batchOf(m *onnxgraph.Model, b *dataset.Batch) int {
	for _, v := range m.Graph.Inputs {
		t, size := b.Inputs[v.Name], declaredSize(v, 0)
		if t != nil && len(t.Shape) == len(v.Declared) && size > 0 && t.Shape[0] >= b.N && int64(t.Shape[0]) != size {
			return int(size)
		}
	}
	return 0
}

// read takes the output of model i apart. The first batch settles what scores
// of a single number mean.
func (p *pass) read(i int, t *onnxgraph.Tensor, b *dataset.Batch) (*scores, labels, error) {
	places, l := guessPlaces(t.Shape), labels{}
	if !p.labelled && p.opts.Loss == LossAuto && p.kinds[i] == LossBinary {
		if per, err := samplesOf(t, b.N); err == nil && per != places {
			p.kinds[i] = LossMSE // sigmoids side by side are no classes: what they say is measured
		}
	}
	if p.labelled {
		per, err := samplesOf(t, b.N)
		if err != nil {
			return nil, l, err
		}
		if p.opts.Loss == LossAuto && p.tallies[i] == nil {
			kind := singleNumber(b.Labels, b.N, per)
			if p.kinds[i] == LossLogits || p.kinds[i] == LossBinary && kind == LossMSE {
				p.kinds[i] = kind
			}
		}
		if l, err = readLabels(b.Labels, b.N, per, p.kinds[i]); err != nil {
			return nil, l, err
		}
		places = l.places
	}
	s, err := readScores(t, b.N, places, p.kinds[i])
	if err == nil && !p.labelled && p.opts.Loss == LossAuto && p.kinds[i] == LossLogits && s.classes == 1 {
		p.kinds[i] = LossMSE // without labels, a single number that is no probability is a measured one
		s, err = readScores(t, b.N, places, LossMSE)
	}
	return s, l, err
}

// singleNumber tells what outputs that look like logits are when there is only
// one for each label: the score of class 1, or a measured number when the
// labels are not 0 and 1.
func singleNumber(t *onnxgraph.Tensor, n, per int) Loss {
	values, err := floats(t)
	if err != nil || len(values) != n*per {
		return LossLogits
	}
	if last := t.Shape[len(t.Shape)-1]; len(t.Shape) > 1 && last > 1 {
		if _, hot := oneHot(values, last); hot {
			return LossLogits
		}
	}
	for _, v := range values {
		if v != 0 && v != 1 {
			return LossMSE
		}
	}
	return LossBinaryLogits
}

// count adds a batch to the tallies, sample by sample.
func (p *pass) count(all []*scores, right labels) error {
	for i := range p.tallies {
		if p.tallies[i] == nil {
			kind := p.kinds[0]
			if i < len(p.kinds) {
				kind = p.kinds[i]
			}
			p.tallies[i] = &tally{kind: kind, ignore: p.opts.Ignore}
		}
	}
	for sample := range all[0].n {
		weights := p.draws.next()
		for i, s := range all {
			if err := p.tallies[i].add(s, right, sample, weights); err != nil {
				return fmt.Errorf("eval: %s: %w", p.data, err)
			}
		}
	}
	return nil
}

func (p *pass) result(samples int) *Evaluation {
	e := &Evaluation{Samples: samples}
	if p.labelled {
		for _, t := range p.tallies {
			e.Metrics = append(e.Metrics, t.metrics())
		}
	}
	if p.pairs != nil {
		p.pairs.report(e)
	}
	return e
}

// ensemble gives the mean scores of some models.
func ensemble(all []*scores, members []int, kinds []Loss) (*scores, error) {
	first := all[members[0]]
	s := &scores{n: first.n, places: first.places, classes: first.classes}
	for r := range first.rows {
		row := make([]float64, s.classes)
		for _, m := range members {
			if len(all[m].rows) != len(first.rows) || all[m].classes != s.classes {
				return nil, fmt.Errorf("eval: the models of an ensemble have outputs of different sizes")
			}
			for c, v := range all[m].rows[r] {
				row[c] += v / float64(len(members))
			}
		}
		if kinds[members[0]] != LossMSE {
			logSoftmax(row)
		}
		s.rows = append(s.rows, row)
	}
	return s, nil
}

// pairs compares every model with every other.
type pairs struct {
	rows  int
	same  [][]float64
	kl    [][]float64
	mse   [][]float64
	plain bool // outputs are numbers, not probabilities
}

func newPairs(n int) *pairs {
	p := &pairs{same: make([][]float64, n), kl: make([][]float64, n), mse: make([][]float64, n)}
	for i := range n {
		p.same[i], p.kl[i], p.mse[i] = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	return p
}

func (p *pairs) add(all []*scores, kind Loss) error {
	p.plain = kind == LossMSE
	for i, a := range all {
		for j, b := range all {
			if len(a.rows) != len(b.rows) || a.classes != b.classes {
				return errors.New("eval: models that are compared have outputs of different sizes")
			}
			for r, row := range a.rows {
				if p.plain {
					p.mse[i][j] += squared(row, b.rows[r]) / float64(len(row))
					continue
				}
				if argmax(row) == argmax(b.rows[r]) {
					p.same[i][j]++
				}
				p.kl[i][j] += divergence(row, b.rows[r])
			}
		}
	}
	p.rows += len(all[0].rows)
	return nil
}

// divergence is KL(a ‖ b) = Σ exp(a)·(a - b) of two rows of log-probabilities.
func divergence(a, b []float64) float64 {
	sum := 0.0
	for c, v := range a {
		if p := math.Exp(v); p > 0 {
			sum += p * (v - b[c])
		}
	}
	return sum
}

// squared is Σ (a - b)² of two rows of numbers.
func squared(a, b []float64) float64 {
	sum := 0.0
	for c, v := range a {
		sum += (v - b[c]) * (v - b[c])
	}
	return sum
}

// report notes the means. Rounding may leave a divergence a little below 0, which it never is.
func (p *pairs) report(e *Evaluation) {
	for i := range p.same {
		for j := range p.same[i] {
			p.same[i][j] /= float64(p.rows)
			p.kl[i][j] = max(0, p.kl[i][j]/float64(p.rows))
			p.mse[i][j] /= float64(p.rows)
		}
	}
	if p.plain {
		e.MSE = p.mse
		return
	}
	e.Agreement, e.KL = p.same, p.kl
}
