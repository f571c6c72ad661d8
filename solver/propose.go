package solver

import (
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// workspace keeps what proposing for the units of one plan can use again.
type workspace struct {
	threads  int
	units    []unitSpace
	keeps    bool    // gains stay from one sweep to the next
	known    []bool  // groups whose permutations count; nil: all. See sketch.
	blurred  bool    // those that are not known count blurred instead of not at all
	noise    float64 // see shake
	circuits bool    // heads are matched by these, see circuits
	rng      *rand.Rand
	stop     func() bool // asked after every unit; nil: never
}

// stopped reports whether to end what is under way.
func (ws *workspace) stopped() bool { return ws.stop != nil && ws.stop() }

// unitSpace holds, for each place of a unit's pins, gains and the last solution.
type unitSpace struct {
	plain  []*gains
	inner  [][]*gains // of each inner group, for each place of its own pins
	solved []*Assignment
}

func newWorkspace(p *plan, threads int) *workspace {
	ws := &workspace{threads: threads, units: make([]unitSpace, len(p.units)), keeps: p.allGains <= keepBytes}
	for n := range p.units {
		u := &p.units[n]
		us := &ws.units[n]
		outer := len(p.rows(u.group, free(len(p.size))))
		us.plain = make([]*gains, outer)
		us.solved = make([]*Assignment, outer)
		us.inner = make([][]*gains, outer*len(u.inner))
	}
	return ws
}

// free is an environment in which no group has its place yet.
func free(groups int) []int32 {
	env := make([]int32, groups)
	for g := range env {
		env[g] = -1
	}
	return env
}

// propose returns the frame's permutations with those of a unit replaced by the
// best there are, all else as it stands. It is exact for groups without nested
// ones and for nested groups that do not meet; for those that do, it is the best
// that coordinate ascent finds.
func (f *frame) propose(ws *workspace, n int) (permspec.Perms, error) {
	u := &f.plan.units[n]
	next := slices.Clone(f.perms)
	for _, g := range u.members {
		next[g] = slices.Clone(next[g])
	}
	env := free(len(f.plan.size))
	err := f.plan.each(f.plan.under[u.group], env, func(o int) error {
		return f.proposeAt(ws, n, o, env, next)
	})
	return next, err
}

// each visits every combination of places of the given groups.
func (p *plan) each(groups []int, env []int32, visit func(o int) error) error {
	total := 1
	for _, g := range groups {
		total *= p.size[g]
	}
	for o := range total {
		rest := o
		for k := len(groups) - 1; k >= 0; k-- {
			env[groups[k]] = int32(rest % p.size[groups[k]])
			rest /= p.size[groups[k]]
		}
		if err := visit(o); err != nil {
			return err
		}
	}
	for _, g := range groups {
		env[g] = -1
	}
	return nil
}

// proposeAt is propose for one place of the unit's pins.
func (f *frame) proposeAt(ws *workspace, n, o int, env []int32, next permspec.Perms) error {
	u, us := &f.plan.units[n], &ws.units[n]
	size := f.plan.size[u.group]
	if us.plain[o] == nil {
		us.plain[o] = newGains(size, len(u.plain))
	}
	us.plain[o].compute(f, u.plain, env, ws)
	value := f.blur(f.lumped(ws, u), env, us.plain[o], ws)
	if len(u.inner)+len(u.joint) > 0 || ws.noise > 0 {
		value.Data = slices.Clone(value.Data)
	}
	if ws.circuits {
		if err := f.byCircuits(ws, n, o, env, value); err != nil {
			return err
		}
	}
	var list []nested
	for k := range u.inner {
		switch in := &u.inner[k]; {
		case ws.circuits || !ws.open(f.plan, u, k):
		case f.scalar(in):
			f.scalarGains(ws, u, in, env, value)
		default:
			list = append(list, f.inner(ws, n, o, k, env))
		}
	}
	var subs []*subproblem
	for k := range u.joint {
		if ws.known != nil {
			break
		}
		subs = append(subs, f.sub(&u.joint[k], u.group, env, ws.stop))
		list = append(list, subs[k].nested(ws.threads))
	}
	row := f.plan.rows(u.group, env)[0] * size
	old := f.perms[u.group][row : row+size]
	solved, err := ws.assign(value, list, AssignOptions{Prefer: old, Warm: us.solved[o], Threads: ws.threads})
	if err != nil {
		return err
	}
	us.solved[o] = solved
	copy(next[u.group][row:], solved.Col)
	for k := range u.inner {
		if !ws.open(f.plan, u, k) {
			continue
		}
		if err := f.innerPerms(ws, n, o, k, env, old, solved.Col, next); err != nil {
			return err
		}
	}
	for k := range subs {
		if err := subs[k].choose(ws.threads, solved.Col, next); err != nil {
			return err
		}
	}
	return nil
}

// extra lists the groups that x is under besides y and those with a place in env.
func (p *plan) extra(x, y int, env []int32) []int {
	var out []int
	for _, g := range p.under[x] {
		if g != y && env[g] < 0 {
			out = append(out, g)
		}
	}
	return out
}

// part is the gain matrix of an inner group between slots i and j.
func part(c Matrix[float32], i, j, small int) Matrix[float32] {
	return Matrix[float32]{small, small, c.Stride, c.Data[i*small*c.Stride+j*small:]}
}

// innerPerms puts the best permutations of inner group k into next, where col
// is the unit's new permutation and old its last.
func (f *frame) innerPerms(ws *workspace, n, o, k int, env, old, col []int32, next permspec.Perms) error {
	u := &f.plan.units[n]
	in := &u.inner[k]
	if f.scalar(in) {
		return f.scalarPerms(ws, u, in, env, col, next)
	}
	small := f.plan.size[in.group]
	return f.plan.each(f.plan.extra(in.group, u.group, env), env, func(e int) error {
		g := ws.units[n].inner[o*len(u.inner)+k][e]
		c := f.blur(in.sites, env, g, ws)
		for i, j := range col {
			env[u.group] = int32(i)
			row := f.plan.rows(in.group, env)[0] * small
			var prefer []int32
			if old[i] == j {
				prefer = f.perms[in.group][row : row+small]
			}
			a, err := Assign(part(c, i, int(j), small), AssignOptions{Prefer: prefer})
			if err != nil {
				return err
			}
			copy(next[in.group][row:], a.Col)
		}
		env[u.group] = -1
		return nil
	})
}
