package rebasin

import (
	"context"
	"sync"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/learn"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Options steer Align and Merge. The zero value aligns by weight matching and
// verifies the result, with λ = 0: set Lambda.
type Options struct {
	Lambda   float64 // weight of B in the average; any number
	NoMatch  bool    // leave B's units where they are: the naive average
	Infer    permspec.Options
	Spec     *permspec.Document // use this instead of inferring
	Match    solver.Options
	NoVerify bool
	Verify   eval.VerifyOptions
	Calib    *Calibration // nil: the average is left as it is

	Symmetry []permspec.FreedomKind // continuous symmetries that make B more like A after the permutation; see [solver.Approach]

	Zip bool // by Merge: merge units also within one model where that is better on Calib's data

	AllowNonfinite bool // do not refuse weights that hold NaN or infinite numbers

	Activation *Activation // match by what units compute on Calib's data; nil: by weights
	Learn      *Learn      // learn the matching from Calib's data; instead of Activation
}

// NotEquivalentError says that π(B) does not compute what B does, or that this
// could not be shown. Nothing should be done with such a result.
type NotEquivalentError struct {
	Verification *eval.Verification
}

func (e *NotEquivalentError) Error() string {
	return "π(B) is not shown to compute what B does: " + Describe(e.Verification)
}

// UncheckedError says that models could not be run, so that the check that π(B)
// computes what B does had no answer.
type UncheckedError struct{ Err error }

func (e *UncheckedError) Error() string { return "verify π(B): " + e.Err.Error() }

func (e *UncheckedError) Unwrap() error { return e.Err }

// Alignment is the result of Align.
type Alignment struct {
	Model        *onnxgraph.Model // π(B), in B's own file
	Spec         *permspec.Spec
	Match        *solver.Result     // nil with NoMatch
	Verification *eval.Verification // nil with NoVerify
	Symmetry     []Turned           // what Options.Symmetry has done, by kind
	IO           []IOOrder          // how π(B) takes and gives the freed inputs and outputs

	pairs  *onnxgraph.Correspondence
	method string // "": weight
	learnt *learn.Result
}

// Align permutes B's units to stand like A's. It fails with a
// *onnxgraph.Difference when the architectures differ and with a
// *NotEquivalentError when π(B) cannot be shown to compute what B does.
func Align(ctx context.Context, a, b *onnxgraph.Model, opts Options) (*Alignment, error) {
	pairs, err := onnxgraph.Correspond(a, b)
	if err != nil {
		return nil, err
	}
	bad, err := nonfinite([]*onnxgraph.Model{a, b}, []*onnxgraph.Correspondence{pairs}, opts.AllowNonfinite)
	if err != nil {
		return nil, err
	}
	if err := opts.Calib.usable(ctx, a); err != nil {
		return nil, err
	}
	spec, err := inferShared([]*onnxgraph.Model{a, b}, []*onnxgraph.Correspondence{pairs}, opts)
	if err != nil {
		return nil, err
	}
	out := &Alignment{Model: b, Spec: spec, pairs: pairs}
	if opts.NoMatch {
		return out, nil
	}
	match := opts.Match
	match.Counterpart = counterpart(pairs)
	match.Exclude = unmatched(a, bad)
	var searched func()
	match.Stop, searched = latch(match.Stop)
	defer searched()
	if opts.Learn != nil {
		out.Match, out.learnt, err = matchLearned(ctx, spec, a, b, pairs, match, opts)
		out.method = "ste"
	} else if opts.Activation != nil {
		out.Match, err = matchActivations(ctx, spec, a, b, pairs, match, opts)
		out.method = "activation"
	} else {
		out.Match, err = solver.Match(ctx, spec, a, b, match)
		if err == nil && opts.Calib != nil {
			err = judgeStarts(ctx, spec, a, b, pairs, out.Match, opts)
		}
	}
	searched()
	if err != nil {
		return nil, err
	}
	if out.Model, err = spec.ApplyTo(b, out.Match.Perms, counterpart(pairs)); err != nil {
		return nil, err
	}
	if err := out.approach(a, opts.Symmetry); err != nil {
		return nil, err
	}
	inputs, outputs, err := ioOrders(spec, b, a, out.Match.Perms)
	if err != nil {
		return nil, err
	}
	out.IO = append(inputs, outputs...)
	if opts.NoVerify {
		return out, nil
	}
	if out.Verification, err = verify(ctx, spec, a, b, out.Model, out.Match.Perms, opts.Verify); err != nil {
		return nil, &UncheckedError{err}
	}
	if !out.Verification.OK {
		return nil, &NotEquivalentError{out.Verification}
	}
	return out, nil
}

// latch returns a channel that is closed when something comes from stop, so that it ends all searches that are
// still to come; done ends the waiting.
func latch(stop <-chan struct{}) (closed <-chan struct{}, done func()) {
	out, end := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-stop:
			close(out)
		case <-end:
		}
	}()
	return out, sync.OnceFunc(func() { close(end) })
}

// inferShared infers the symmetry that all models share, in terms of the first:
// uniform is only what is uniform in all, only numbers that are the same in all
// are read, and what one of them keeps as one weight is permuted as one. There
// are pairs for every model but the first.
func inferShared(models []*onnxgraph.Model, pairs []*onnxgraph.Correspondence, opts Options) (*permspec.Spec, error) {
	infer, a := opts.Infer, models[0]
	var failed error
	known := map[*onnxgraph.Weight][]bool{}
	infer.Uniform = func(w *onnxgraph.Weight, axis int) bool {
		all, seen := known[w]
		if !seen {
			var err error
			if all, err = uniformInAll(models, pairs, w); err != nil && failed == nil {
				failed = err
			}
			known[w] = all
		}
		return all != nil && all[axis]
	}
	infer.Same = func(w *onnxgraph.Weight) bool {
		same, err := sameInAll(models, pairs, w)
		if err != nil && failed == nil {
			failed = err
		}
		return same
	}
	for _, p := range pairs {
		infer.Tied = append(infer.Tied, shared(a, p)...)
	}
	spec, err := permspec.Infer(a, infer)
	if failed != nil {
		return nil, failed
	}
	if err != nil || opts.Spec == nil {
		return spec, err
	}
	return spec.Restrict(*opts.Spec, a)
}

func counterpart(pairs *onnxgraph.Correspondence) func(*onnxgraph.Weight) *onnxgraph.Weight {
	return func(w *onnxgraph.Weight) *onnxgraph.Weight { return pairs.Weights[w] }
}

// shared lists the weights of a that b keeps as one.
func shared(a *onnxgraph.Model, pairs *onnxgraph.Correspondence) [][]*onnxgraph.Weight {
	sharers := map[*onnxgraph.Weight][]*onnxgraph.Weight{}
	for _, w := range a.Weights() {
		if v := pairs.Weights[w]; v != nil {
			sharers[v] = append(sharers[v], w)
		}
	}
	var out [][]*onnxgraph.Weight
	for _, w := range a.Weights() {
		if list := sharers[pairs.Weights[w]]; len(list) > 1 && list[0] == w {
			out = append(out, list)
		}
	}
	return out
}

// uniformInAll reports the axes along which weight w of the first model, and
// what corresponds to it in the others, stays the same.
func uniformInAll(models []*onnxgraph.Model, pairs []*onnxgraph.Correspondence, w *onnxgraph.Weight) ([]bool, error) {
	all, err := permspec.Uniform(models[0], w)
	if err != nil {
		return nil, err
	}
	for k, p := range pairs {
		v := p.Weights[w]
		if v == nil {
			continue
		}
		other, err := permspec.Uniform(models[k+1], v)
		if err != nil {
			return nil, err
		}
		for axis := range all {
			all[axis] = all[axis] && axis < len(other) && other[axis]
		}
	}
	return all, nil
}

// statistics reports the running means and variances of BatchNormalization:
// they are permuted with their channels but say little about which channel is
// which, and in the objective they outweigh the weights.
func statistics(m *onnxgraph.Model) func(*onnxgraph.Weight) bool {
	found := map[*onnxgraph.Weight]bool{}
	var graph func(g *onnxgraph.Graph)
	graph = func(g *onnxgraph.Graph) {
		for _, n := range g.Nodes {
			if n.Op == "BatchNormalization" && len(n.Inputs) == 5 {
				for _, v := range n.Inputs[3:] {
					if v != nil && v.Weight != nil {
						found[v.Weight] = true
					}
				}
			}
			for _, a := range n.Attrs {
				for _, body := range append(a.Graphs, a.Graph) {
					if body != nil {
						graph(body)
					}
				}
			}
		}
	}
	graph(m.Graph)
	return func(w *onnxgraph.Weight) bool { return found[w] }
}

// Merged is the result of Merge.
type Merged struct {
	Alignment
	Aligned *onnxgraph.Model // π(B)
	Model   *onnxgraph.Model // (1-λ)A + λπ(B), in A's file, repaired
	Repair  *repair.Report   // nil when nothing was asked for
	Lambda  float64          // as given, or chosen
	Zip     *ZipReport       // nil without Options.Zip
	Lambdas []GroupLambda    // of groups that have one of their own; nil when they are not better for it

	Overflows []Overflow // numbers too large for the 16 bits they are written in
}

// Merge aligns B to A, averages the two and repairs the average.
func Merge(ctx context.Context, a, b *onnxgraph.Model, opts Options) (*Merged, error) {
	al, err := Align(ctx, a, b, opts)
	if err != nil {
		return nil, err
	}
	if err := quantisedAgree(a, al.Model, al.pairs); err != nil {
		return nil, err
	}
	if opts.Calib != nil && opts.Calib.Lambda {
		if opts.Lambda, err = opts.Calib.searchLambda(ctx, a, al); err != nil {
			return nil, err
		}
	}
	out := &Merged{Alignment: *al, Aligned: al.Model, Lambda: opts.Lambda}
	if opts.Calib != nil && opts.Calib.Groups {
		if out.Lambdas, err = opts.Calib.searchLambdas(ctx, a, al, opts.Lambda); err != nil {
			return nil, err
		}
	}
	m, ends, err := blend(a, al, opts.Lambda, out.Lambdas)
	if err != nil {
		return nil, err
	}
	if opts.Zip {
		out.method = "zip"
		if m, ends, out.Zip, err = opts.Calib.zip(ctx, a, al, opts.Lambda, m, ends); err != nil {
			return nil, err
		}
	}
	out.Model, out.Repair, err = opts.Calib.mendEnds(ctx, ends, m)
	if err != nil {
		return out, err
	}
	out.Overflows, err = overflows(out.Model, a)
	return out, err
}
