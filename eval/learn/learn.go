// Package learn finds permutations by gradients: the straight-through estimator
// of Git Re-Basin (Ainsworth et al. 2022, Algorithm 3).
//
// Weight matching brings the weights of B as near to those of A as it can, and
// hopes that their average works. Here the average is run, and its loss decides.
// A loss has no slope by a permutation, so the matching is steered: B is matched to
// weights W̃ of their own,
//
//	π = argmax Σ⟨W̃, π(B)⟩,  L((1-λ)A + λπ(B))
//
// and the gradient of L by the average is given to W̃ as if π(B) were W̃ itself.
// The best permutations seen are kept, as judged by samples that are not learnt
// from. W̃ is A at first in the paper; here it is the average that some matching
// leads to, for A would undo every matching that is not by weights.
package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// The usual number of passes over the data, and how far a step goes: see Options.
const (
	DefaultEpochs = 20
	DefaultRate   = 0.05
)

// Options say how permutations are learnt. Data and Lambda are needed.
type Options struct {
	Data     *dataset.Set // opened for a's inputs; one batch in five is held back
	Open     eval.OpenOptions
	Evaluate eval.EvaluateOptions         // Loss and Output are used
	Exclude  func(*onnxgraph.Weight) bool // weights that are permuted but not matched, see solver.Options

	Lambda  float64 // of the average that is judged
	Epochs  int     // 0: DefaultEpochs
	Rate    float64 // by how much of their root mean square a weight's numbers move in a step; 0: DefaultRate
	Seed    uint64
	Threads int
	Until   time.Time       // end with the best so far then; zero: never
	Stop    <-chan struct{} // as in solver.Options

	Progress func(epoch, epochs int, loss float64) // after every epoch, with the loss on samples held back
}

// Result is what was learnt.
type Result struct {
	Best    []permspec.Perms // that were better than the start, the best first; copies
	Before  float64          // loss of the average on samples held back, at the start
	After   float64          // the least seen
	Epochs  int              // that were completed
	Stopped bool             // by the context, Until or Stop
	Target  string           // what was learnt from
}

// most is how many permutations a Result has at most.
const most = 3

// Learner learns permutations of one model pair.
type Learner struct {
	opts   Options
	spec   *permspec.Spec
	a, b   *onnxgraph.Model
	tape   *exec.Tape
	goal   *eval.Objective
	train  []example
	held   []example
	target string // what the examples' targets are
	result *Result
	losses []float64 // of result.Best

	weights []*onnxgraph.Weight // that b's permutations move
	ends    [2][][]float32      // their numbers in a, and in b as permuted last
	aux     [][]float32         // W̃
	perms   permspec.Perms
	descent *descent
}

// New prepares to learn permutations of b, whose numbers stand in a's file, from
// what a and b say about the data. Labels are learnt from where there are any that
// the models do not know by heart; else the ensemble of a and b is.
//
// Errors: *exec.NoGradientError when the model cannot be differentiated.
func New(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, opts Options) (*Learner, error) {
	if opts.Epochs <= 0 {
		opts.Epochs = DefaultEpochs
	}
	if opts.Rate <= 0 {
		opts.Rate = DefaultRate
	}
	l := &Learner{opts: opts, spec: spec, a: a, b: b}
	for _, prepare := range []func(context.Context) error{l.read, l.average, l.trial} {
		if err := prepare(ctx); err != nil {
			return nil, fmt.Errorf("learn: %w", err)
		}
	}
	return l, nil
}

// Match learns from start on, once. Averages are judged as they are, without a
// repair, but for BatchNormalization, which takes the statistics of each batch.
//
// The result depends on the arguments but not on the number of threads. Time is
// that of two to three runs of the model for every sample and epoch, and one of
// weight matching from a near start for every batch.
func (l *Learner) Match(ctx context.Context, start permspec.Perms) (*Result, error) {
	l.result = &Result{Target: l.target}
	left := time.Duration(0)
	if !l.opts.Until.IsZero() {
		left = max(1, time.Until(l.opts.Until))
	}
	search, done := solver.Limit(ctx, left, l.opts.Stop)
	defer done()
	err := l.begin(start)
	if err == nil {
		err = l.run(search)
	}
	l.result.Stopped = search.Err() != nil
	if l.result.Stopped {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	return l.result, nil
}

// example is a batch with what models should say about it.
type example struct {
	inputs map[string]*onnxgraph.Tensor
	target *eval.Target
}

// keepBytes is how much of the data is learnt from at most: its first part.
const keepBytes = 512 << 20

// read reads the data and what a and b say about it.
func (l *Learner) read(ctx context.Context) error {
	var err error
	if l.goal, err = eval.NewObjective(l.a, l.opts.Evaluate); err != nil {
		return err
	}
	runners, done, err := eval.OpenAll([]*onnxgraph.Model{l.a, l.b}, l.opts.Open)
	if err != nil {
		return err
	}
	defer done()
	var batches []*dataset.Batch
	var outputs [][]*onnxgraph.Tensor
	bytes := 0
	for batch, err := range l.opts.Data.Batches(repair.BatchSize(l.opts.Data.Len())) {
		if err != nil {
			return err
		}
		var said []*onnxgraph.Tensor
		for _, r := range runners {
			out, err := r.Run(ctx, batch.Inputs, []string{l.goal.Output.Name})
			if err != nil {
				return err
			}
			said = append(said, out[l.goal.Output.Name])
		}
		batches, outputs = append(batches, batch), append(outputs, said)
		for _, t := range batch.Inputs {
			n := t.Type.Size()
			for _, d := range t.Shape {
				n *= d
			}
			bytes += n
		}
		if bytes > keepBytes {
			break
		}
	}
	targets, err := l.targets(batches, outputs)
	if err != nil {
		return err
	}
	for i, b := range batches {
		e := example{b.Inputs, targets[i]}
		if repair.Held(i) {
			l.held = append(l.held, e)
		} else {
			l.train = append(l.train, e)
		}
	}
	if len(l.held) == 0 || len(l.train) == 0 {
		return fmt.Errorf("%s has %d samples, too few to hold some back and learn from the rest", l.opts.Data.Name, l.opts.Data.Len())
	}
	return nil
}

// targets are the labels, unless there are none or the ends know them by heart;
// then they are what the ensemble of the ends says.
func (l *Learner) targets(batches []*dataset.Batch, outputs [][]*onnxgraph.Tensor) ([]*eval.Target, error) {
	if l.opts.Data.HasLabels() {
		var out []*eval.Target
		wrong := 0.0
		for i, b := range batches {
			t, err := l.goal.Labels(b, outputs[i][0])
			if err != nil {
				return nil, err
			}
			for _, y := range outputs[i] {
				w, err := l.goal.Wrong(y, t)
				if err != nil {
					return nil, err
				}
				wrong += w / float64(len(batches)*len(outputs[i]))
			}
			out = append(out, t)
		}
		if wrong >= repair.Memorised || l.goal.Measures() {
			l.target = "labels"
			return out, nil
		}
	}
	l.target = "the ensemble of A and B"
	var out []*eval.Target
	for i, b := range batches {
		t, err := l.goal.Ensemble(outputs[i], b.N)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// average chooses the weights and makes the tape of the average: what is not
// permuted is averaged once.
func (l *Learner) average(context.Context) error {
	for _, w := range l.spec.Weights {
		if !w.Weight.Type.IsFloat() || l.opts.Exclude != nil && l.opts.Exclude(w.Weight) {
			continue
		}
		x, err := l.a.Float32s(w.Weight)
		if err != nil {
			return err
		}
		l.weights, l.ends[0] = append(l.weights, w.Weight), append(l.ends[0], x)
	}
	if len(l.weights) == 0 {
		return errors.New("nothing in this model can be permuted")
	}
	average, err := solver.Lerp(l.a, l.b, nil, l.opts.Lambda)
	if err != nil {
		return err
	}
	l.tape, err = exec.NewTape(average, exec.TapeOptions{Weights: l.weights, Outputs: []*onnxgraph.Value{l.goal.Output},
		Threads: l.opts.Threads, BatchStatistics: true})
	return err
}

// trial takes one gradient, so that a model without one is found out at once.
func (l *Learner) trial(ctx context.Context) error {
	if err := l.permute(l.spec.Identity()); err != nil {
		return err
	}
	_, _, err := l.slope(ctx, l.train[0], true)
	return err
}

// permute takes permutations of b, and its numbers under them.
func (l *Learner) permute(perms permspec.Perms) error {
	model, err := l.spec.Apply(l.b, perms)
	if err != nil {
		return err
	}
	numbers := make([][]float32, len(l.weights))
	for i, w := range l.weights {
		if numbers[i], err = model.Float32s(w); err != nil {
			return err
		}
	}
	l.perms, l.ends[1] = perms, numbers
	return nil
}

// begin sets W̃ to the average that start leads to: so π is start until gradients
// say otherwise.
func (l *Learner) begin(start permspec.Perms) error {
	if err := l.permute(start); err != nil {
		return err
	}
	l.aux, l.losses = l.mean(), nil
	l.descent = newDescent(l.opts.Rate, l.aux)
	return nil
}

// mean is the average of the weights as b is permuted.
func (l *Learner) mean() [][]float32 {
	out := make([][]float32, len(l.weights))
	lambda := float32(l.opts.Lambda)
	for i, a := range l.ends[0] {
		out[i] = make([]float32, len(a))
		for k, v := range l.ends[1][i] {
			out[i][k] = (1-lambda)*a[k] + lambda*v
		}
	}
	return out
}

// run learns for all epochs.
func (l *Learner) run(ctx context.Context) error {
	loss, err := l.judge(ctx)
	if err != nil {
		return err
	}
	l.result.Before, l.result.After = loss, loss
	rng := rand.New(rand.NewPCG(l.opts.Seed, 0x57e))
	for epoch := range l.opts.Epochs {
		for _, i := range rng.Perm(len(l.train)) {
			if err := l.step(ctx, l.train[i]); err != nil {
				return err
			}
		}
		loss, err := l.judge(ctx)
		if err != nil {
			return err
		}
		l.keep(loss)
		l.result.Epochs = epoch + 1
		if l.opts.Progress != nil {
			l.opts.Progress(epoch+1, l.opts.Epochs, loss)
		}
	}
	return nil
}

// step moves W̃ against the gradient of the loss of one batch, and matches b to it
// anew, from where it stands.
func (l *Learner) step(ctx context.Context, e example) error {
	_, gradient, err := l.slope(ctx, e, true)
	if err != nil {
		return err
	}
	l.descent.step(l.aux, gradient)
	return l.project(ctx)
}

// project matches b to W̃.
func (l *Learner) project(ctx context.Context) error {
	contents := make(map[*onnxgraph.Weight]onnxgraph.Content)
	for i, w := range l.weights {
		contents[w] = solver.Content(w.Type, l.aux[i])
	}
	now, err := l.spec.Apply(l.b, l.perms)
	if err != nil {
		return err
	}
	r, err := solver.Match(ctx, l.spec, l.a.With(contents), now, solver.Options{Ascend: true, Exclude: l.opts.Exclude,
		MaxSweeps: sweeps, Threads: l.opts.Threads, Seed: l.opts.Seed})
	if err != nil {
		return err
	}
	if r.Moved == 0 {
		return nil
	}
	return l.permute(l.spec.Then(l.perms, r.Perms))
}

// sweeps is how many passes over the groups a step of matching takes: W̃ moves
// little from step to step.
const sweeps = 3

// slope is the loss of the average on a batch and, when asked for, its gradient by
// W̃: but for a factor, that by the average.
func (l *Learner) slope(ctx context.Context, e example, gradient bool) (loss float64, by [][]float32, err error) {
	by, err = l.tape.Run(ctx, e.inputs, l.mean(), func(out []*onnxgraph.Tensor) ([][]float32, error) {
		var up []float32
		var err error
		loss, up, err = l.goal.Slope(out[0], e.target)
		if err != nil || !gradient {
			return nil, err
		}
		return [][]float32{up}, nil
	})
	return loss, by, err
}

// judge is the mean loss on the samples held back.
func (l *Learner) judge(ctx context.Context) (float64, error) {
	sum := 0.0
	for _, e := range l.held {
		loss, _, err := l.slope(ctx, e, false)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum / float64(len(l.held)), nil
}

// keep takes the permutations among the best if they are.
func (l *Learner) keep(loss float64) {
	r := l.result
	same := func(p permspec.Perms) bool { return slices.EqualFunc(p, l.perms, slices.Equal[[]int32]) }
	if !(loss < r.Before || math.IsNaN(r.Before) && !math.IsNaN(loss)) || slices.ContainsFunc(r.Best, same) {
		return
	}
	at, _ := slices.BinarySearch(l.losses, loss)
	l.losses = slices.Insert(l.losses, at, loss)
	r.Best = slices.Insert(r.Best, at, clone(l.perms))
	if len(r.Best) > most {
		r.Best, l.losses = r.Best[:most], l.losses[:most]
	}
	r.After = l.losses[0]
}

func clone(p permspec.Perms) permspec.Perms {
	out := make(permspec.Perms, len(p))
	for g, rows := range p {
		out[g] = slices.Clone(rows)
	}
	return out
}
