package solver

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Options direct Match. The zero value is a good start.
type Options struct {
	// Counterpart returns the weight of b that corresponds to a weight of a.
	Counterpart Counterpart

	// Exclude keeps a weight of a out of the objective, although it is
	// permuted: running statistics, which say more about scale than about
	// which unit is which.
	Exclude func(*onnxgraph.Weight) bool

	Seed      uint64
	Starts    int // number of starts; 0: 3
	MaxSweeps int // passes over all groups in each start; 0: 100
	Threads   int // 0: as many as there are cores

	// Progress is told after every group. Calls do not overlap.
	Progress func(Progress)
}

// Progress is where Match stands.
type Progress struct {
	Start, Sweep int    // of the start that reports, from 0
	Group        string // matched last
	Objective    float64
}

// Result is the best permutation that Match found.
//
// The objective is Σ a·π(b) and L2 is √Σ (a - π(b))², over all floating-point
// weights that are not excluded; Before is for b as it stands.
type Result struct {
	Perms                           permspec.Perms
	ObjectiveBefore, ObjectiveAfter float64
	L2Before, L2After               float64
	Starts                          []Start
	Best                            int     // the start that gave Perms
	Sweeps                          int     // of that start
	Moved                           float64 // fraction of free slots that changed place
	Seconds                         float64
	Stopped                         bool // the context ended the search
}

// Start is one ascent.
type Start struct {
	Kind      string // "signature", "identity" or "random"
	Objective float64
	Sweeps    int
	Seconds   float64
}

// Match looks for the permutations π in the symmetry group of spec that bring b
// closest to a:
//
//	maximise Σ <A_w, π(B_w)>, which is to minimise Σ |A_w - π(B_w)|²
//
// by coordinate ascent (Ainsworth et al. 2022, Algorithm 1): each group in turn
// is matched exactly, all others as they stand, until nothing moves. Groups
// nested in others are matched together with these, exactly where they do not
// meet in one weight. The objective never falls: gains are found in float32, but a
// change is made only when the sum over the elements concerned, in float64,
// rises by it.
//
// Ascent ends in a local optimum, so there are several starts, of which the best
// is kept: one that compares units by what does not depend on how those of b are
// numbered, b as it stands, and random permutations. The result depends on the
// arguments but not on the number of threads.
//
// Spec is that of a. When the context ends, the best so far is returned without
// an error. Cost: per sweep one matrix product of each weight for each axis, less
// as fewer slots move.
func Match(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, opts Options) (*Result, error) {
	began := time.Now()
	p, err := newProblem(spec, a, b, &opts)
	if err != nil {
		return nil, err
	}
	r, err := p.match(ctx, &opts)
	if err != nil {
		return nil, fmt.Errorf("solver: match weights: %w", err)
	}
	r.Moved = spec.Moved(r.Perms)
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// problem is the whole alignment problem.
type problem struct {
	spec *permspec.Spec
	plan *plan
	at   []place
	data *values
}

// match runs all starts and takes the best.
func (p *problem) match(ctx context.Context, opts *Options) (*Result, error) {
	r := &Result{}
	starts, threads := opts.Starts, opts.Threads
	if starts <= 0 {
		starts = 3
	}
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	before, err := p.total(p.spec.Identity())
	if err != nil {
		return nil, err
	}
	r.ObjectiveBefore, r.L2Before = before.dot, math.Sqrt(before.dist)
	r.Starts = make([]Start, starts)
	frames := make([]*frame, starts)
	report := reporter(opts.Progress)
	err = parallel(threads, starts, func(n int) error {
		began := time.Now()
		f := &frame{plan: p.plan, data: p.data, at: p.at}
		frames[n] = f
		err := p.run(ctx, f, n, max(1, threads/starts), opts, &r.Starts[n], report)
		r.Starts[n].Seconds = time.Since(began).Seconds()
		return err
	})
	if err != nil {
		return nil, err
	}
	for n, s := range r.Starts {
		if s.Objective > r.Starts[r.Best].Objective+1e-12*math.Abs(s.Objective) {
			r.Best = n
		}
	}
	r.Perms = frames[r.Best].perms
	r.Sweeps = r.Starts[r.Best].Sweeps
	after, err := p.total(r.Perms)
	if err != nil {
		return nil, err
	}
	r.ObjectiveAfter, r.L2After = after.dot, math.Sqrt(after.dist)
	r.Stopped = ctx.Err() != nil
	return r, nil
}

// run is one start: number 0 is the signature, 1 the identity, others random.
func (p *problem) run(ctx context.Context, f *frame, n, threads int, opts *Options, s *Start, report func(Progress)) error {
	rng := rand.New(rand.NewPCG(opts.Seed, uint64(n)))
	ws := newWorkspace(p.plan, threads)
	f.perms = p.spec.Identity()
	switch n {
	case 0:
		s.Kind = "signature"
		if err := f.sketch(ws, false); err != nil {
			return err
		}
	case 1:
		s.Kind = "identity"
	default:
		s.Kind = "random"
		f.perms = p.spec.Random(rng)
	}
	sweeps := opts.MaxSweeps
	if sweeps <= 0 {
		sweeps = 100
	}
	c, err := newClimb(f, ws)
	if err != nil {
		return err
	}
	c.done = func(unit int) bool {
		if report != nil {
			report(Progress{Start: n, Sweep: s.Sweeps, Group: p.spec.Groups[p.plan.units[unit].group].Name, Objective: c.value})
		}
		return ctx.Err() != nil
	}
	err = c.climb(func() []int { s.Sweeps++; return rng.Perm(len(p.plan.units)) }, sweeps)
	s.Objective = c.value
	return err
}
