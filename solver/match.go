package solver

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
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

	Seed uint64

	// Starts is how many times to climb to an optimum, of which the best is
	// kept; 0 stands for DefaultStarts. The first start is a guess that does not
	// depend on how the units of b are numbered, the second b as it stands, and
	// each further one the best so far, shaken.
	Starts int

	// Ascend makes one start only, from b as it stands: what a permuted model
	// has of order already is kept and bettered.
	Ascend bool

	MaxSweeps int // passes over all groups in each start; 0: 100
	Threads   int // 0: as many as there are cores

	// Progress is told after every group. Calls do not overlap.
	Progress func(Progress)
}

// DefaultStarts is the number of starts when none is given.
const DefaultStarts = 2 + together

// together is how many shaken starts are made from the same optimum. They can
// run side by side, so it is not to depend on the number of threads.
const together = 4

// Progress is where Match stands.
type Progress struct {
	Start, Starts int    // which start reports, from 0, and how many there are
	Sweep         int    // from 0
	Group         string // matched last
	Objective     float64
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
	Kind      string // "signature", "identity" or "shaken"
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
// Ascent ends in a local optimum, so there are several starts, see Options.Starts.
// The result depends on the arguments but not on the number of threads.
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
	before, err := p.total(p.spec.Identity())
	if err != nil {
		return nil, err
	}
	r := &Result{ObjectiveBefore: before.dot, L2Before: math.Sqrt(before.dist)}
	m := matching{problem: p, ctx: ctx, opts: *opts, result: r}
	if m.opts.Starts <= 0 {
		m.opts.Starts = DefaultStarts
	}
	if m.opts.Ascend {
		m.opts.Starts = 1
	}
	if m.opts.Threads <= 0 {
		m.opts.Threads = runtime.GOMAXPROCS(0)
	}
	if m.opts.MaxSweeps <= 0 {
		m.opts.MaxSweeps = 100
	}
	for n := 0; n < m.opts.Starts && (n == 0 || ctx.Err() == nil); {
		count := min(2, m.opts.Starts)
		if n > 0 {
			count = min(together, m.opts.Starts-n)
		}
		if err := m.round(n, count); err != nil {
			return nil, err
		}
		n += count
	}
	after, err := p.total(r.Perms)
	if err != nil {
		return nil, err
	}
	r.ObjectiveAfter, r.L2After = after.dot, math.Sqrt(after.dist)
	r.Stopped = ctx.Err() != nil
	return r, nil
}

// matching is Match under way.
type matching struct {
	*problem
	ctx    context.Context
	opts   Options
	result *Result
	report sync.Mutex
}

// round runs starts first to first+count-1 side by side.
func (m *matching) round(first, count int) error {
	r := m.result
	frames, starts := make([]*frame, count), make([]Start, count)
	err := parallel(m.opts.Threads, count, func(k int) error {
		began := time.Now()
		f := &frame{plan: m.plan, data: m.data, at: m.at, perms: slices.Clone(r.Perms)}
		frames[k] = f
		err := m.start(f, first+k, max(1, m.opts.Threads/count), &starts[k])
		starts[k].Seconds = time.Since(began).Seconds()
		return err
	})
	if err != nil {
		return err
	}
	for k, s := range starts {
		r.Starts = append(r.Starts, s)
		if best := r.Starts[r.Best].Objective; r.Perms == nil || s.Objective > best+1e-12*math.Abs(best) {
			r.Best, r.Perms, r.Sweeps = first+k, frames[k].perms, s.Sweeps
		}
	}
	return nil
}

// start runs one start in a frame with the best permutations so far.
func (m *matching) start(f *frame, n, threads int, s *Start) error {
	rng := rand.New(rand.NewPCG(m.opts.Seed, uint64(n)))
	ws := newWorkspace(m.plan, threads)
	ws.rng, ws.stop = rng, func() bool { return m.ctx.Err() != nil }
	order := func() []int { return rng.Perm(len(m.plan.units)) }
	c := &climb{f: f, ws: ws}
	c.tell = func(unit int) { m.tell(n, s.Sweeps-1, unit, c.value) }
	var err error
	switch {
	case n == 0 && !m.opts.Ascend:
		s.Kind = "signature"
		f.perms = m.spec.Identity()
		err = f.sketch(ws, false)
	case n < 2:
		s.Kind = "identity"
		f.perms = m.spec.Identity()
	default:
		s.Kind = "shaken"
		err = c.anneal(order)
	}
	if err == nil {
		err = c.reset()
	}
	if err == nil {
		err = c.climb(func() []int { s.Sweeps++; return order() }, m.opts.MaxSweeps)
	}
	s.Objective = c.value
	return err
}

// tell reports progress, one call at a time.
func (m *matching) tell(start, sweep, unit int, objective float64) {
	if m.opts.Progress == nil {
		return
	}
	m.report.Lock()
	defer m.report.Unlock()
	m.opts.Progress(Progress{Start: start, Starts: m.opts.Starts, Sweep: sweep,
		Group: m.spec.Groups[m.plan.units[unit].group].Name, Objective: objective})
}
