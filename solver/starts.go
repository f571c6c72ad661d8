package solver

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// match runs all starts and takes the best.
func (p *problem) match(ctx context.Context, opts *Options) (*Result, error) {
	before, err := p.total(p.spec.Identity())
	if err != nil {
		return nil, err
	}
	r := &Result{ObjectiveBefore: before.dot, L2Before: math.Sqrt(before.dist)}
	m := matching{problem: p, ctx: ctx, opts: *opts, result: r, began: time.Now()}
	if m.opts.MaxSweeps <= 0 {
		m.opts.MaxSweeps = 100
	}
	if err := m.rounds(); err != nil {
		return nil, err
	}
	after, err := p.total(r.Perms)
	if err != nil {
		return nil, err
	}
	if r.Stopped = ctx.Err() != nil; r.Stopped && after.dot < before.dot {
		r.Perms, after = p.spec.Identity(), before // stopped in the middle of a first guess
	}
	r.ObjectiveAfter, r.L2After = after.dot, math.Sqrt(after.dist)
	return r, nil
}

// matching is Match under way.
type matching struct {
	*problem
	ctx    context.Context
	opts   Options
	result *Result
	began  time.Time
	gains  [max(2, together)][]unitSpace // of the starts that run side by side: the next ones begin with them
	report sync.Mutex
}

// rounds makes all starts: first the two that need no other, then those that
// begin with the best so far.
func (m *matching) rounds() error {
	starts, idle := m.opts.limits(m.plan)
	m.opts.Starts = starts
	for n, waste := 0, 0; n < starts && waste < idle && (n == 0 || m.ctx.Err() == nil); {
		count := min(2, starts)
		if n > 0 {
			count = min(together, starts-n)
		}
		before := m.result.Best
		if err := m.round(n, count); err != nil {
			return err
		}
		if waste++; n == 0 || m.result.Best != before {
			waste = 0
		}
		n += count
	}
	return nil
}

// round runs starts first to first+count-1 side by side.
func (m *matching) round(first, count int) error {
	r := m.result
	frames, starts := make([]*frame, count), make([]Start, count)
	side := m.plan.sideBySide(count)
	err := parallel.Try(min(m.threads, side), count, func(k int) error {
		began := time.Now()
		f := &frame{plan: m.plan, data: m.data, at: m.at, perms: slices.Clone(r.Perms), threads: max(1, m.threads/side)}
		frames[k] = f
		ws := newWorkspace(m.plan, f.threads)
		if side == count { // there is room for the gains of all
			if m.gains[k] == nil {
				m.gains[k] = ws.units
			}
			ws.units = m.gains[k]
		}
		err := m.start(f, first+k, ws, &starts[k])
		starts[k].Seconds = time.Since(began).Seconds()
		return err
	})
	if err != nil {
		return err
	}
	for k, s := range starts {
		s.Perms = frames[k].perms
		r.Starts = append(r.Starts, s)
		if best := r.Starts[r.Best].Objective; r.Perms == nil || s.Objective > best+1e-12*math.Abs(best) {
			r.Best, r.Perms, r.Sweeps = first+k, frames[k].perms, s.Sweeps
		}
	}
	return nil
}

// start runs one start in a frame with the best permutations so far.
func (m *matching) start(f *frame, n int, ws *workspace, s *Start) error {
	rng := rand.New(rand.NewPCG(m.opts.Seed, uint64(n)))
	ws.rng, ws.stop = rng, func() bool { return m.ctx.Err() != nil }
	order := func() []int { return rng.Perm(len(m.plan.units)) }
	c := &climb{f: f, ws: ws}
	c.tell = func(unit int) { m.tell(n, s.Sweeps-1, unit, c.value) }
	var err error
	switch {
	case n == 0 && !m.opts.Ascend:
		s.Kind = "signature"
		f.perms = m.spec.Identity()
		if err = f.sketch(ws, false); err == nil {
			err = c.reset()
		}
	case n < 2:
		s.Kind = "identity"
		f.perms = m.spec.Identity()
		err = c.reset()
	case n == 2 && ws.keeps && len(m.plan.circuitUnits()) > 0:
		s.Kind = "circuits"
		err = c.circuits()
	case n%2 == 0 && ws.keeps && len(m.plan.relaxable()) > 0:
		s.Kind = "relaxed"
		from := []permspec.Perms{f.perms}
		for range mixed {
			from = append(from, m.spec.Random(rng))
		}
		if err = f.relax(ws, from); err == nil {
			err = c.reset()
		}
	default:
		s.Kind = "shaken"
		err = c.shake(order)
	}
	if err == nil {
		err = c.climb(func() []int { s.Sweeps++; return order() }, m.opts.MaxSweeps, m.opts.worth())
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
		Group: m.spec.Groups[m.plan.units[unit].group].Name, Objective: objective, Left: m.left()})
}

// left is how long the search may still take, below 0 where that cannot be told.
func (m *matching) left() time.Duration {
	if end, ok := m.ctx.Deadline(); ok {
		return max(0, time.Until(end))
	}
	done := len(m.result.Starts)
	if done == 0 || m.opts.Effort == EffortMax {
		return -1
	}
	return time.Since(m.began) / time.Duration(done) * time.Duration(m.opts.Starts-done)
}
