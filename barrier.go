package rebasin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// DefaultPoints is the number of λ at which Barrier judges a path; being odd, it
// has λ = ½ among them.
const DefaultPoints = 25

// BarrierOptions steer Barrier. Data is needed, the rest may be zero.
type BarrierOptions struct {
	Options                       // of the alignment and of the repair; Lambda is not used
	Points   int                  // λ at equal distances, the ends included; 0: DefaultPoints
	Data     *dataset.Set         // with labels, opened for A's inputs
	Train    *dataset.Set         // judged as well, when not nil
	Evaluate eval.EvaluateOptions // of each pass over the data
	Open     eval.OpenOptions     // what runs the models
	Progress func(done, total int)
}

// Barriers is the result of Barrier.
type Barriers struct {
	Alignment
	Backend string
	Repair  *repair.Report // of the midpoint; nil when nothing was asked for
	Test    *Curve         // on Data
	Train   *Curve         // on Train, nil without
}

// Curve is how well the models along the paths from A to B do on one data set.
type Curve struct {
	Samples int
	Points  []CurvePoint // by λ, from A at 0 to B at 1

	Naive    *eval.Barrier // of (1-λ)A + λB
	Aligned  *eval.Barrier // of (1-λ)A + λπ(B); nil with NoMatch
	Repaired *eval.Barrier // of these, repaired; nil without Calib, or when no repair helps
}

// CurvePoint is one λ. At the ends all paths have the same model, and so the
// same metrics.
type CurvePoint struct {
	Lambda   float64       `json:"lambda"`
	Naive    *eval.Metrics `json:"naive,omitempty"`
	Aligned  *eval.Metrics `json:"aligned,omitempty"`
	Repaired *eval.Metrics `json:"repaired,omitempty"`
}

// Barrier aligns B to A and judges the models on the straight lines from A to B
// and from A to π(B), see eval.Barrier. The models of one λ are run side by side,
// in one pass over each data set; none is written or loaded again. Where the
// choice of a repair is left open it is made at λ = ½, for all λ. Memory is that of
// a few models and a batch.
func Barrier(ctx context.Context, a, b *onnxgraph.Model, opts BarrierOptions) (*Barriers, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	al, err := Align(ctx, a, b, opts.Options)
	if err != nil {
		return nil, err
	}
	return along(ctx, a, b, al, opts)
}

// complete puts in defaults and says what is missing.
func (o *BarrierOptions) complete() error {
	if o.Data == nil {
		return errors.New("rebasin: a barrier is measured on data")
	}
	if o.Points == 0 {
		o.Points = DefaultPoints
	}
	if o.Points < 3 {
		return fmt.Errorf("rebasin: a barrier needs three points at least, not %d", o.Points)
	}
	for _, set := range []*dataset.Set{o.Data, o.Train} {
		if set != nil {
			if err := set.RequireLabels(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Barriers is Barrier for what was merged, without aligning it again. Of the
// options, those of the alignment are not used; without Calib there is no repaired
// path.
func (m *Merged) Barriers(ctx context.Context, a, b *onnxgraph.Model, opts BarrierOptions) (*Barriers, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	opts.NoMatch = m.Match == nil
	al := m.Alignment
	return along(ctx, a, b, &al, opts)
}

// along judges the models on the paths of an alignment.
func along(ctx context.Context, a, b *onnxgraph.Model, al *Alignment, opts BarrierOptions) (*Barriers, error) {
	if err := quantisedAgree(a, al.Model, al.pairs); err != nil {
		return nil, err
	}
	w := &walk{a: a, b: b, al: al, opts: opts, test: &Curve{}}
	if opts.Train != nil {
		w.train = &Curve{}
	}
	if err := w.chooseRepair(ctx); err != nil {
		return nil, err
	}
	for i, lambda := range eval.Lambdas(opts.Points) {
		if err := w.step(ctx, i, lambda); err != nil {
			return nil, fmt.Errorf("λ = %.3g: %w", lambda, err)
		}
	}
	out := &Barriers{Alignment: *al, Backend: w.backend, Repair: w.report, Test: w.test, Train: w.train}
	for _, c := range []*Curve{w.test, w.train} {
		if c != nil {
			if err := c.measure(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// walk is a Barrier under way.
type walk struct {
	a, b    *onnxgraph.Model
	al      *Alignment
	opts    BarrierOptions
	backend string

	calib       *Calibration // nil: no repaired path
	report      *repair.Report
	test, train *Curve
}

// chooseRepair repairs the midpoint, to fix the repair of all λ.
func (w *walk) chooseRepair(ctx context.Context) error {
	if c := w.opts.Calib; c == nil || c.Repair == "" || c.Repair == repair.None || w.opts.NoMatch {
		return nil
	}
	average, err := solver.Lerp(w.a, w.al.Model, counterpart(w.al.pairs), 0.5)
	if err != nil {
		return err
	}
	if _, w.report, err = w.mend(ctx, w.opts.Calib, average, 0.5); err != nil {
		return err
	}
	if w.report.Kind != repair.None {
		fixed := *w.opts.Calib
		fixed.Repair = w.report.Kind
		w.calib = &fixed
	}
	return nil
}

// mend repairs the aligned average of one λ.
func (w *walk) mend(ctx context.Context, c *Calibration, average *onnxgraph.Model, lambda float64) (*onnxgraph.Model, *repair.Report, error) {
	return c.mend(ctx, []*onnxgraph.Model{w.a, w.al.Model}, []solver.Counterpart{nil, counterpart(w.al.pairs)}, []float64{1 - lambda, lambda}, average)
}

// step judges the models of one λ.
func (w *walk) step(ctx context.Context, i int, lambda float64) error {
	models, err := w.models(ctx, lambda)
	if err != nil {
		return err
	}
	runners, done, err := eval.OpenAll(models, w.opts.Open)
	if err != nil {
		return err
	}
	defer done()
	w.backend = runners[0].Backend
	before, total := 0, w.opts.Data.Len()
	if w.train != nil {
		total += w.opts.Train.Len()
	}
	for _, on := range []struct {
		curve *Curve
		set   *dataset.Set
	}{{w.test, w.opts.Data}, {w.train, w.opts.Train}} {
		if on.curve == nil {
			continue
		}
		pass := w.opts.Evaluate
		pass.Progress = func(done, _ int) {
			if w.opts.Progress != nil {
				w.opts.Progress(i*total+before+done, w.opts.Points*total)
			}
		}
		e, err := eval.EvaluateAll(ctx, runners, on.set, pass)
		if err != nil {
			return err
		}
		before += on.set.Len()
		on.curve.Samples = e.Samples
		on.curve.Points = append(on.curve.Points, w.point(lambda, e.Metrics))
	}
	return nil
}

// models are those of one λ: the naive average, the aligned and the repaired
// one; at the ends only A or B.
func (w *walk) models(ctx context.Context, lambda float64) ([]*onnxgraph.Model, error) {
	switch lambda {
	case 0:
		return []*onnxgraph.Model{w.a}, nil
	case 1:
		return []*onnxgraph.Model{w.b}, nil
	}
	naive, err := solver.Lerp(w.a, w.b, counterpart(w.al.pairs), lambda)
	if err != nil || w.opts.NoMatch {
		return []*onnxgraph.Model{naive}, err
	}
	aligned, err := solver.Lerp(w.a, w.al.Model, counterpart(w.al.pairs), lambda)
	if err != nil || w.calib == nil {
		return []*onnxgraph.Model{naive, aligned}, err
	}
	repaired, _, err := w.mend(ctx, w.calib, aligned, lambda)
	return []*onnxgraph.Model{naive, aligned, repaired}, err
}

// point names the metrics of models. At the ends there is one for all paths.
func (w *walk) point(lambda float64, m []*eval.Metrics) CurvePoint {
	last := m[len(m)-1]
	m = append(slices.Clone(m), last, last)
	p := CurvePoint{Lambda: lambda, Naive: m[0]}
	if !w.opts.NoMatch {
		p.Aligned = m[1]
		if w.calib != nil {
			p.Repaired = m[2]
		}
	}
	return p
}

// measure computes the barriers of the paths.
func (c *Curve) measure() error {
	for _, path := range []struct {
		to *(*eval.Barrier)
		at func(CurvePoint) *eval.Metrics
	}{
		{&c.Naive, func(p CurvePoint) *eval.Metrics { return p.Naive }},
		{&c.Aligned, func(p CurvePoint) *eval.Metrics { return p.Aligned }},
		{&c.Repaired, func(p CurvePoint) *eval.Metrics { return p.Repaired }},
	} {
		var lambdas []float64
		var metrics []*eval.Metrics
		for _, p := range c.Points {
			if m := path.at(p); m != nil {
				lambdas, metrics = append(lambdas, p.Lambda), append(metrics, m)
			}
		}
		if metrics == nil {
			continue
		}
		barrier, err := eval.PathBarrier(lambdas, metrics)
		if err != nil {
			return err
		}
		*path.to = &barrier
	}
	return nil
}
