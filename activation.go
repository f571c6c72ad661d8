package rebasin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Activation matches units by what they compute on calibration data
// (Ainsworth et al. 2022, section 3.1): by the correlation of units, see
// repair.Alike. Whether it is measured before the non-linearities, after them or
// at both is decided by the loss, on samples held back, of the average after
// rescaling.
type Activation struct {
	// Mix is the share of the weights in the objective, from 0 to 1, both parts
	// being scaled to a largest value of about 1. At 0 weights decide only where
	// correlation does not tell.
	Mix float64
}

// weightsAtLeast is the share of weights in the objective when Mix is 0.
const weightsAtLeast = 1e-3

// errUnobserved says that activations have nothing to match by.
var errUnobserved = errors.New("no layer of this model gives or reads units that could be observed; match by weights")

// matchActivations is solver.Match with the likeness of units in the objective.
func matchActivations(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, match solver.Options, opts Options) (*solver.Result, error) {
	c := opts.Calib
	if c == nil || c.Data == nil {
		return nil, errors.New("matching by activations needs calibration data")
	}
	inA, err := solver.Lerp(a, b, counterpart(pairs), 1)
	if err != nil {
		return nil, err
	}
	var seen [2][]solver.Likeness
	for k, at := range []repair.Places{repair.Before, repair.After} {
		if seen[k], err = repair.Alike(ctx, spec, a, inA, at, c.options()); err != nil {
			return nil, fmt.Errorf("match by activations: %w", err)
		}
	}
	var results []*solver.Result
	for _, list := range [][]solver.Likeness{seen[0], seen[1], append(seen[0][:len(seen[0]):len(seen[0])], seen[1]...)} {
		if len(list) == 0 {
			continue
		}
		if match.Likeness, err = weighed(list, spec, a, opts.Activation.Mix); err != nil {
			return nil, err
		}
		r, err := solver.Match(ctx, spec, a, b, match)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return nil, errUnobserved
	}
	best, err := bestOf(ctx, spec, a, b, pairs, results, opts)
	if err != nil {
		return nil, fmt.Errorf("match by activations: %w", err)
	}
	return results[best], nil
}

// weighed scales gains so that their greatest sum is (1-mix)/mix times that of
// the weights.
func weighed(list []solver.Likeness, spec *permspec.Spec, a *onnxgraph.Model, mix float64) ([]solver.Likeness, error) {
	mix = min(max(mix, weightsAtLeast), 1)
	weights, gains := 0.0, 0.0
	for _, l := range spec.Weights {
		if !l.Weight.Type.IsFloat() {
			continue
		}
		x, err := a.Float32s(l.Weight)
		if err != nil {
			return nil, err
		}
		for _, v := range x {
			weights += float64(v) * float64(v)
		}
	}
	for _, l := range list {
		for i := range l.Size {
			top := 0.0
			for _, g := range l.Gain[i*l.Size:][:l.Size] {
				top = math.Max(top, float64(g))
			}
			gains += top
		}
	}
	if gains == 0 {
		return list, nil
	}
	factor := float32((1 - mix) / mix * weights / gains)
	out := make([]solver.Likeness, len(list))
	for k, l := range list {
		g := make([]float32, len(l.Gain))
		for i, v := range l.Gain {
			g[i] = factor * v
		}
		l.Gain = g
		out[k] = l
	}
	return out, nil
}

// bestOf judges the averages that permutations lead to, rescaled, by calibration
// data held back.
func bestOf(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, results []*solver.Result, opts Options) (int, error) {
	if len(results) == 1 {
		return 0, nil
	}
	trials, err := judgeAll(ctx, spec, a, b, pairs, results, opts)
	if err != nil {
		return 0, err
	}
	return least(trials), nil
}

// judgeAll is how the averages do that permutations lead to.
func judgeAll(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, results []*solver.Result, opts Options) ([]repair.Trial, error) {
	lambda := opts.midLambda()
	c := opts.Calib
	var ends [][]repair.End
	var averages []*onnxgraph.Model
	for _, r := range results {
		aligned, err := spec.ApplyTo(b, r.Perms, counterpart(pairs))
		if err != nil {
			return nil, err
		}
		average, err := solver.Lerp(a, aligned, counterpart(pairs), lambda)
		if err != nil {
			return nil, err
		}
		end, err := endsOf([]*onnxgraph.Model{a, aligned}, []solver.Counterpart{nil, counterpart(pairs)}, []float64{1 - lambda, lambda})
		if err != nil {
			return nil, err
		}
		ends, averages = append(ends, end), append(averages, average)
	}
	return repair.Compare(ctx, ends, averages, repair.Rescale, c.options())
}

// midLambda is the λ that permutations are judged at.
func (o *Options) midLambda() float64 {
	if o.Lambda > 0 && o.Lambda < 1 {
		return o.Lambda
	}
	return 0.5
}

// least is the trial of the least loss, the first of several.
func least(trials []repair.Trial) int {
	best := 0
	for k, t := range trials {
		if t.Loss < trials[best].Loss || math.IsNaN(trials[best].Loss) && !math.IsNaN(t.Loss) {
			best = k
		}
	}
	return best
}

// judgedStarts is how many optima of the search are judged by calibration data.
const judgedStarts = 3

// judgeStarts replaces the result by the one of its best starts whose average,
// rescaled, does best on calibration data held back: on narrow networks the
// distance of weights says little about that.
func judgeStarts(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, r *solver.Result, opts Options) error {
	starts := slices.Clone(r.Starts)
	slices.SortStableFunc(starts, func(x, y solver.Start) int { return cmp.Compare(y.Objective, x.Objective) })
	var results []*solver.Result
	for _, s := range starts {
		known := slices.ContainsFunc(results, func(o *solver.Result) bool {
			return samePerms(o.Perms, s.Perms)
		})
		if s.Perms != nil && !known && len(results) < judgedStarts {
			results = append(results, &solver.Result{Perms: s.Perms})
		}
	}
	if len(results) < 2 {
		return nil
	}
	best, err := bestOf(ctx, spec, a, b, pairs, results, opts)
	if err != nil {
		return fmt.Errorf("judge starts: %w", err)
	}
	chosen := results[best].Perms
	r.Best = slices.IndexFunc(r.Starts, func(s solver.Start) bool { return samePerms(s.Perms, chosen) })
	r.Sweeps = r.Starts[r.Best].Sweeps
	return take(spec, a, b, pairs, r, chosen, opts)
}

// take makes permutations the ones of a result, with the sums that go with them.
func take(spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, r *solver.Result, perms permspec.Perms, opts Options) (err error) {
	r.Perms, r.Moved = perms, spec.Moved(perms)
	match := opts.Match
	match.Counterpart, match.Exclude = counterpart(pairs), statistics(a)
	r.ObjectiveAfter, r.L2After, err = solver.Sums(spec, a, b, perms, match)
	return err
}

func samePerms(p, q permspec.Perms) bool { return slices.EqualFunc(p, q, slices.Equal[[]int32]) }
