package solver

import (
	"cmp"
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
	m := matching{problem: p, ctx: ctx, opts: *opts, result: r, began: time.Now(), coupled: -1}
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
	ctx     context.Context
	opts    Options
	result  *Result
	began   time.Time
	gains   [max(2, together)][]unitSpace // of the starts that run side by side: the next ones begin with them
	couple  bool                          // the last start of this round couples units
	coupled int                           // the best start when couples last found nothing better, or made by them
	finish  bool                          // what can be made of the best is all that is left to do
	report  sync.Mutex
}

// rounds makes all starts: first the two that need no other, then those that
// begin with the best so far.
func (m *matching) rounds() error {
	starts, idle := m.opts.limits(m.plan)
	m.opts.Starts = starts
	if err := m.until(starts, idle); err != nil || m.opts.Effort != EffortMax {
		return err
	}
	m.finish = true
	return m.until(starts, idleFinish)
}

// until makes rounds of starts up to so many, and until so many rounds in a row found nothing better.
func (m *matching) until(starts, idle int) error {
	r := m.result
	for waste := 0; len(r.Starts) < starts && waste < idle && (len(r.Starts) == 0 || m.ctx.Err() == nil); {
		n, before := len(r.Starts), r.Best
		count := min(2, starts)
		if n > 0 {
			count = min(together, starts-n)
		}
		m.couple = m.opts.Effort == EffortMax && waste > 0 && m.coupled != before
		if err := m.round(n, count); err != nil {
			return err
		}
		if m.couple && (r.Best == before || r.Starts[r.Best].Kind == "coupled") {
			m.coupled = r.Best
		}
		if waste++; n == 0 || r.Best != before {
			waste = 0
		}
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

// kind says how start n begins. Rounds begin at 2, 6, 10, ….
func (m *matching) kind(n int, ws *workspace) string {
	relaxes := ws.keeps && len(m.plan.relaxable()) > 0
	switch {
	case n == 0 && !m.opts.Ascend:
		return "signature"
	case n < 2:
		return "identity"
	case n == 2 && ws.keeps && len(m.plan.circuitUnits()) > 0:
		return "circuits"
	case m.couple && n%together == 1 && ws.keeps && m.plan.meets():
		return "coupled"
	case m.finish && relaxes && len(m.others()) > 0:
		return "crossed"
	case n%2 == 0 && relaxes:
		return "relaxed"
	}
	return "shaken"
}

// start runs one start in a frame with the best permutations so far.
func (m *matching) start(f *frame, n int, ws *workspace, s *Start) error {
	rng := rand.New(rand.NewPCG(m.opts.Seed, uint64(n)))
	ws.rng, ws.stop = rng, func() bool { return m.ctx.Err() != nil }
	order := func() []int { return rng.Perm(len(m.plan.units)) }
	c := &climb{f: f, ws: ws}
	c.tell = func(unit int) { m.tell(n, s.Sweeps-1, unit, c.value) }
	climb := func() error {
		return c.climb(func() []int { s.Sweeps++; return order() }, m.opts.MaxSweeps, m.opts.worth())
	}
	s.Kind = m.kind(n, ws)
	if err := m.begin(c, n, s.Kind, order); err != nil {
		return err
	}
	err := climb()
	for better := s.Kind == "coupled"; better && err == nil; {
		if better, err = c.couple(); better && err == nil {
			err = climb()
		}
	}
	s.Objective = c.value
	return err
}

// begin sets a frame with the best permutations so far to where start n, of the given kind, begins.
func (m *matching) begin(c *climb, n int, kind string, order func() []int) error {
	f, ws := c.f, c.ws
	var err error
	switch kind {
	case "signature":
		f.perms = m.spec.Identity()
		err = f.sketch(ws, false)
	case "identity":
		f.perms = m.spec.Identity()
	case "circuits":
		return c.circuits()
	case "crossed":
		others := m.others()
		err = f.relax(ws, []permspec.Perms{f.perms, others[n%len(others)].Perms})
	case "relaxed":
		from := []permspec.Perms{f.perms}
		for range mixed {
			from = append(from, m.spec.Random(ws.rng))
		}
		err = f.relax(ws, from)
	case "shaken":
		return c.shake(order)
	}
	if err != nil {
		return err
	}
	return c.reset()
}

// crossing is how many optima crossed starts choose the other from.
const crossing = idleFinish * (together - 1)

// others returns the best starts that ended elsewhere than the best.
func (m *matching) others() []Start {
	list := slices.Clone(m.result.Starts)
	slices.SortStableFunc(list, func(a, b Start) int { return cmp.Compare(b.Objective, a.Objective) })
	list = slices.CompactFunc(list, func(a, b Start) bool { return a.Objective == b.Objective })
	return list[min(len(list), 1):min(len(list), 1+crossing)]
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
