package rebasin

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// ManyOptions steer MergeMany. The zero value aligns all models jointly, gives
// them the same weight and verifies every permuted model. With Activation or Learn each
// is matched with the first.
type ManyOptions struct {
	Options                     // but for Lambda, Symmetry and Zip
	Weights   []float64         // of the models in the average, divided by their sum; nil: all the same
	Many      solver.ManyMethod // "": by the number of models
	Reference int               // the model that solver.Star aligns to
	MaxRounds int               // passes over all models; 0: until nothing improves
	Progress  func(solver.ManyProgress)
}

// MergedMany is the result of MergeMany. All models are in the first one's order
// of units.
type MergedMany struct {
	Model         *onnxgraph.Model   // Σ weight·π_i(model_i), in the first model's file
	Aligned       []*onnxgraph.Model // π_i(model_i), each in its own file; the first as it came
	Weights       []float64          // they sum to 1
	Spec          *permspec.Spec
	Match         *solver.ManyResult   // nil with NoMatch
	Verifications []*eval.Verification // of each π_i, that of the first nil; nil with NoVerify
	Overflows     []Overflow           // numbers too large for the 16 bits they are written in
	Naive         *onnxgraph.Model     // the average of the models as they came
	Repair        *repair.Report       // nil when nothing was asked for

	method string // see Options.method
}

// MergeMany aligns models with each other and averages them. Every π_i is held to
// what Align holds π to: the errors are those of Align, and name the model.
func MergeMany(ctx context.Context, models []*onnxgraph.Model, opts ManyOptions) (*MergedMany, error) {
	j, err := newManyJob(models, opts)
	if err != nil {
		return nil, err
	}
	if err := opts.Calib.usable(ctx, models[0]); err != nil {
		return nil, err
	}
	out := &MergedMany{Spec: j.spec, Weights: j.parts}
	if out.Naive, err = solver.Average(models, j.counterparts, j.parts); err != nil {
		return nil, err
	}
	order := make([]int, len(models))
	for k := range order {
		order[k] = k
	}
	out.Aligned = slices.Clone(models)
	if !opts.NoMatch {
		if err := j.align(ctx, out); err != nil {
			return nil, err
		}
		order = out.Match.Order
	}
	for k, p := range j.pairs {
		if err := quantisedAgree(models[0], out.Aligned[k+1], p); err != nil {
			return nil, fmt.Errorf("%s: %w", title(models, k+1), err)
		}
	}
	average, err := j.average(out.Aligned, order)
	if err != nil {
		return nil, err
	}
	out.Model, out.Repair, err = opts.Calib.mend(ctx, out.Aligned, j.counterparts, j.parts, average)
	if err != nil {
		return out, err
	}
	out.Overflows, err = overflows(out.Model, models[0])
	return out, err
}

// manyJob is what MergeMany knows of its models.
type manyJob struct {
	models       []*onnxgraph.Model
	opts         ManyOptions
	pairs        []*onnxgraph.Correspondence // of all models but the first
	counterparts []solver.Counterpart        // of all models
	nonfinite    map[*onnxgraph.Weight]bool  // of the first model; see there
	spec         *permspec.Spec
	parts        []float64
}

func newManyJob(models []*onnxgraph.Model, opts ManyOptions) (*manyJob, error) {
	if len(models) < 2 {
		return nil, fmt.Errorf("merging takes two models or more, not %d", len(models))
	}
	if opts.Zip {
		return nil, fmt.Errorf("%d models: only two are zipped", len(models))
	}
	if opts.Symmetry != nil {
		return nil, fmt.Errorf("%d models: only two are brought nearer by continuous symmetries", len(models))
	}
	if by := opts.method(); by != "weight" && (opts.Many != "" && opts.Many != solver.Star || opts.Reference != 0) {
		return nil, fmt.Errorf("%d models: by %s each is matched with the first, not %s with another", len(models), by, opts.Many)
	}
	j := &manyJob{models: models, opts: opts, counterparts: []solver.Counterpart{nil}}
	var err error
	if j.parts, err = parts(opts.Weights, len(models)); err != nil {
		return nil, err
	}
	for k, m := range models[1:] {
		p, err := onnxgraph.Correspond(models[0], m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", title(models, k+1), err)
		}
		j.pairs = append(j.pairs, p)
		j.counterparts = append(j.counterparts, counterpart(p))
	}
	if j.nonfinite, err = nonfinite(models, j.pairs, opts.AllowNonfinite); err != nil {
		return nil, err
	}
	j.spec, err = inferShared(models, j.pairs, opts.Options)
	return j, err
}

// parts divides weights by their sum.
func parts(weights []float64, n int) ([]float64, error) {
	if weights == nil {
		weights = slices.Repeat([]float64{1}, n)
	}
	if len(weights) != n {
		return nil, fmt.Errorf("%d weights for %d models", len(weights), n)
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if !(math.Abs(sum) > 0) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("weights %v sum to %v", weights, sum)
	}
	out := make([]float64, n)
	for k, w := range weights {
		out[k] = w / sum
	}
	return out, nil
}

// align permutes the models and verifies each.
func (j *manyJob) align(ctx context.Context, out *MergedMany) error {
	match := j.opts.Match
	match.Exclude = unmatched(j.models[0], j.nonfinite)
	var searched func()
	match.Stop, searched = latch(match.Stop)
	defer searched()
	closeness := make([]float64, len(j.parts)) // a model that is subtracted is to be near all the same
	for k, w := range j.parts {
		closeness[k] = math.Abs(w)
	}
	var err error
	out.Match, err = solver.MatchMany(ctx, j.spec, j.models, solver.ManyOptions{
		Method: j.opts.Many, Counterparts: j.counterparts, Weights: closeness, Reference: j.opts.Reference,
		MaxRounds: j.opts.MaxRounds, Match: match, Pair: j.pair(ctx, match), Progress: j.opts.Progress,
	})
	searched()
	out.method = j.opts.method()
	if err != nil {
		return err
	}
	if !j.opts.NoVerify {
		out.Verifications = make([]*eval.Verification, len(j.models))
	}
	for k := 1; k < len(j.models); k++ {
		if out.Aligned[k], err = j.spec.ApplyTo(j.models[k], out.Match.Perms[k], j.counterparts[k]); err != nil {
			return err
		}
		if j.opts.NoVerify {
			continue
		}
		v, err := verify(ctx, j.spec, j.models[0], j.models[k], out.Aligned[k], out.Match.Perms[k], j.opts.Verify)
		if err != nil {
			return fmt.Errorf("%s: %w", title(j.models, k), &UncheckedError{err})
		}
		if out.Verifications[k] = v; !v.OK {
			return fmt.Errorf("%s: %w", title(j.models, k), &NotEquivalentError{v})
		}
	}
	return nil
}

// pair matches a model with the first by calibration data; nil where weights do. Each may take its
// share of the time.
func (j *manyJob) pair(ctx context.Context, match solver.Options) func(ctx context.Context, k int) (*solver.Result, error) {
	by := j.opts.method()
	if by == "weight" {
		return nil
	}
	match.MaxTime /= time.Duration(len(j.pairs))
	return func(_ context.Context, k int) (*solver.Result, error) { // that context ends with the search, which is not all there is to do
		match, pairs := match, j.pairs[k-1]
		match.Counterpart = counterpart(pairs)
		var r *solver.Result
		var err error
		if by == "ste" {
			r, _, err = matchLearned(ctx, j.spec, j.models[0], j.models[k], pairs, match, j.opts.Options)
		} else {
			r, err = matchActivations(ctx, j.spec, j.models[0], j.models[k], pairs, match, j.opts.Options)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", title(j.models, k), err)
		}
		return r, nil
	}
}

// method names what units are matched by.
func (o *Options) method() string {
	switch {
	case o.Learn != nil:
		return "ste"
	case o.Activation != nil:
		return "activation"
	}
	return "weight"
}

// average sums the models in the given order, so that the result does not depend
// on the one they were given in.
func (j *manyJob) average(aligned []*onnxgraph.Model, order []int) (*onnxgraph.Model, error) {
	models, counterparts, weights := []*onnxgraph.Model{aligned[0]}, []solver.Counterpart{nil}, []float64{0}
	for _, k := range order {
		models, weights = append(models, aligned[k]), append(weights, j.parts[k])
		counterparts = append(counterparts, j.counterparts[k])
	}
	return solver.Average(models, counterparts, weights)
}

// title names a model in messages.
func title(models []*onnxgraph.Model, k int) string {
	if p := models[k].Path; p != "" {
		return p
	}
	return fmt.Sprintf("model %d", k+1)
}
