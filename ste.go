package rebasin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/eval/learn"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Learn matches units by the loss of the average on calibration data, with the
// straight-through estimator (Ainsworth et al. 2022, Algorithm 3); see package
// learn. It starts from the better of what weights and activations give, and ends
// with that unless an average that was learnt, rescaled, does better on samples
// held back.
type Learn struct {
	Epochs   int     // passes over the data; 0: learn.DefaultEpochs
	Rate     float64 // of a step, see learn.Options; 0: learn.DefaultRate
	Progress func(epoch, epochs int, loss float64)
}

// startShare is the part of Options.Match.MaxTime that each of the two matchings
// gets that learning starts from.
const startShare = 4

// matchLearned is solver.Match, bettered by gradients.
func matchLearned(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, match solver.Options, opts Options) (*solver.Result, *learn.Result, error) {
	began, c := time.Now(), opts.Calib
	var until time.Time
	if match.MaxTime > 0 {
		until = began.Add(match.MaxTime)
	}
	if c == nil || c.Data == nil {
		return nil, nil, errors.New("learning permutations needs calibration data")
	}
	inA, err := solver.Lerp(a, b, counterpart(pairs), 1)
	if err != nil {
		return nil, nil, err
	}
	l, err := learn.New(ctx, spec, a, inA, learn.Options{Data: c.Data, Open: c.Open, Evaluate: c.Evaluate, Exclude: match.Exclude,
		Lambda: opts.midLambda(), Epochs: opts.Learn.Epochs, Rate: opts.Learn.Rate, Seed: match.Seed, Threads: match.Threads,
		Until: until, Stop: match.Stop, Progress: opts.Learn.Progress})
	if err != nil {
		return nil, nil, err
	}
	r, err := startOfLearning(ctx, spec, a, b, pairs, match, opts)
	if err != nil {
		return nil, nil, err
	}
	learnt, err := l.Match(ctx, r.Perms)
	if err != nil {
		return nil, nil, err
	}
	if len(learnt.Best) > 0 {
		best, err := bestLearnt(ctx, spec, a, b, pairs, r.Perms, learnt, opts)
		if err != nil {
			return nil, nil, err
		}
		if err := take(spec, a, b, pairs, r, best, opts); err != nil {
			return nil, nil, err
		}
	}
	r.Stopped = r.Stopped || learnt.Stopped
	r.Seconds = time.Since(began).Seconds()
	return r, learnt, nil
}

// startOfLearning is the better of matching by weights and by activations.
func startOfLearning(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, match solver.Options, opts Options) (*solver.Result, error) {
	match.MaxTime /= startShare
	byWeights, err := solver.Match(ctx, spec, a, b, match)
	if err != nil {
		return nil, err
	}
	if err := judgeStarts(ctx, spec, a, b, pairs, byWeights, opts); err != nil {
		return nil, err
	}
	opts.Activation = &Activation{}
	byActivations, err := matchActivations(ctx, spec, a, b, pairs, match, opts)
	if errors.Is(err, errUnobserved) {
		return byWeights, nil
	}
	if err != nil {
		return nil, err
	}
	results := []*solver.Result{byWeights, byActivations}
	best, err := bestOf(ctx, spec, a, b, pairs, results, opts)
	if err != nil {
		return nil, fmt.Errorf("judge starts: %w", err)
	}
	return results[best], nil
}

// bestLearnt is the best of the start and what was learnt, by averages rescaled.
func bestLearnt(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence, start permspec.Perms, learnt *learn.Result, opts Options) (permspec.Perms, error) {
	all := append([]permspec.Perms{start}, learnt.Best...)
	var results []*solver.Result
	for _, p := range all {
		results = append(results, &solver.Result{Perms: p})
	}
	trials, err := judgeAll(ctx, spec, a, b, pairs, results, opts)
	if err != nil {
		return nil, fmt.Errorf("judge what was learnt: %w", err)
	}
	return all[least(trials)], nil
}
