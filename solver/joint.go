package solver

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// subproblem is the matching of a joint set of nested groups, for any pair of
// slots of the group they are nested in.
type subproblem struct {
	joint *joint
	group int // the group they are nested in
	outer *frame
	env   []int32
	place []place // of each box of the joint's plan when both slots are the first
	steps []int   // how far the boxes' slots are apart
	perms permspec.Perms
	stop  func() bool // as the workspace's
	found []*frame    // of pairs of slots that were matched: as at leaves them
	known []house     // of every unit of the joint's plan; nil: of none
	order []int       // in which units are matched: first those of which a guess does not know all boxes
}

// sub sets up the joint problem for the places in env.
func (f *frame) sub(j *joint, group int, env []int32, stop func() bool) *subproblem {
	s := &subproblem{joint: j, group: group, outer: f, env: slices.Clone(env), perms: make(permspec.Perms, len(j.plan.size)), stop: stop}
	for _, o := range j.from {
		b := &f.plan.boxes[o.box]
		pins := make([]int32, len(b.digits))
		for _, d := range o.pins {
			pins[d] = env[b.digits[d].group]
		}
		at := place{fixed: f.at[o.box].fixed}
		fixed := f.offsets(o.box, at, o.drop, pins, nil)
		at = place{f.at[o.box].a, f.at[o.box].b, &fixed}
		for _, d := range o.pins {
			at.a += int(pins[d]) * b.digits[d].stride
			at.b += int(f.row(o.box, d, pins)[pins[d]]) * b.digits[d].stride
		}
		s.place = append(s.place, at)
		s.steps = append(s.steps, b.digits[o.digit].stride)
	}
	s.order = fixedOrder(len(j.plan.units))()
	slices.SortStableFunc(s.order, func(n, m int) int { return s.homely(n) - s.homely(m) })
	for g, under := range j.plan.under {
		if under != nil && !j.plan.vary[g] {
			whose := g
			if other := g - len(f.perms); other >= 0 {
				whose = j.others[other]
			}
			s.perms[g] = f.part(whose, s.env)
		}
	}
	return s
}

// part returns the rows of a group's permutations for the places in env.
func (f *frame) part(g int, env []int32) []int32 {
	n := f.plan.size[g]
	var out []int32
	for _, r := range f.plan.rows(g, env) {
		out = append(out, f.perms[g][r*n:][:n]...)
	}
	return out
}

// at returns the problem for slots i of A and j of B, solved. With current it
// is also solved from the permutations the outer frame has for slot i, and the
// better solution taken.
func (s *subproblem) at(i, j int, current bool) (*frame, float64, error) {
	f := &frame{plan: s.joint.plan, data: s.outer.data, at: slices.Clone(s.place)}
	for k := range f.at {
		f.at[k].a += i * s.steps[k]
		f.at[k].b += j * s.steps[k]
	}
	value, err := s.solve(f, i, j, true)
	if err == nil && current {
		other, v := *f, 0.0
		if v, err = s.solve(&other, i, j, false); v >= value {
			f, value = &other, v
		}
	}
	return f, value, err
}

// solve climbs from a first guess, or from the permutations that the outer frame has for slot i,
// and returns what the solution is worth.
func (s *subproblem) solve(f *frame, i, j int, anew bool) (float64, error) {
	f.perms = slices.Clone(s.perms)
	env := slices.Clone(s.env)
	env[s.group] = int32(i)
	for _, g := range s.joint.members {
		f.perms[g] = s.outer.part(g, env)
	}
	ws := newWorkspace(f.plan, 1)
	ws.stop = s.stop
	for n := range s.known {
		ws.units[n].plain[0] = s.still(f, n, i, j)
	}
	if anew {
		if err := s.guess(f, ws, i, j); err != nil {
			return 0, err
		}
	}
	c := climb{f: f, ws: ws, stale: slices.Repeat([]bool{true}, len(f.plan.units))} // what it is worth is summed at the end
	if err := c.ascend(func() []int { return s.order }, 100, worth); err != nil {
		return 0, err
	}
	return s.value(f, i, j)
}

// nested is what the joint groups are worth; what it matches, choose knows.
func (s *subproblem) nested(threads int) nested {
	row := s.outer.part(s.group, s.env)
	s.found = make([]*frame, len(row)*len(row))
	most, houses := s.outer.bound(s.joint, s.group, s.env, threads)
	if s.joint.flat && len(houses) == len(s.joint.homes) {
		s.known = s.joint.inOrder(houses)
	}
	return nested{most, func(i, j int) (float64, error) {
		f, v, err := s.at(i, j, int(row[i]) == j)
		s.found[i*len(row)+j] = f
		return v, err
	}}
}

// inOrder puts houses in the order of the units of the joint's plan.
func (j *joint) inOrder(houses []house) []house {
	out := make([]house, len(houses))
	for n, u := range j.plan.units {
		out[n] = houses[slices.IndexFunc(houses, func(h house) bool { return h.group == u.group })]
	}
	return out
}

// still is the gains of unit n for slots i of A and j of B, as far as they do not depend on the
// other units.
func (s *subproblem) still(f *frame, n, i, j int) *gains {
	u, all := &f.plan.units[n], &s.known[n]
	g := newGains(f.plan.size[u.group], len(u.plain))
	g.rounds, g.sums = 1, all.still.sums
	from := part(all.still.Matrix, i, j, g.Rows)
	for k := range g.Rows {
		copy(g.Row(k), from.Row(k))
	}
	a, b := slices.Clone(all.a[i*g.Rows:][:g.Rows]), slices.Clone(all.b[j*g.Rows:][:g.Rows])
	for k := range u.plain {
		if st := &u.plain[k]; s.joint.still[st.box] {
			g.perms[k] = f.perms
		} else {
			f.squares(st, a, b, 1)
		}
	}
	g.a, g.b = roots(a), roots(b)
	return g
}

// guess matches each unit on its own by what is known before the others are matched, or, where
// nothing is, one after the other.
func (s *subproblem) guess(f *frame, ws *workspace, i, j int) error {
	for n, h := range s.known {
		u := &f.plan.units[n]
		a, err := Assign(part(h.guess, i, j, f.plan.size[u.group]), AssignOptions{})
		if err != nil {
			return err
		}
		f.perms[u.group] = a.Col
	}
	if s.known != nil {
		return nil
	}
	for _, g := range s.joint.members {
		for k := range f.perms[g] {
			f.perms[g][k] = int32(k % f.plan.size[g])
		}
	}
	return f.sketch(ws, true)
}

// value is the objective.
func (s *subproblem) value(f *frame, i, j int) (float64, error) {
	if s.known == nil {
		return f.objective()
	}
	sum := 0.0
	for n, h := range s.known {
		perm := f.perms[f.plan.units[n].group]
		sum += picked(part(h.still.Matrix, i, j, len(perm)), perm)
	}
	for k, still := range s.joint.still {
		if !still {
			sum += f.tally(k, nil, false).dot
		}
	}
	return sum, f.data.failed()
}

// homely is 1 for a unit that is at home in a box that is not still.
func (s *subproblem) homely(n int) int {
	for k, o := range s.joint.from {
		if b := &s.outer.plan.boxes[o.box]; !s.joint.still[k] && b.digits[b.home(b.tree(o.digit))].group == s.joint.plan.units[n].group {
			return 1
		}
	}
	return 0
}

// choose puts the joint groups' permutations into next, where col is the outer
// group's new permutation, of pairs that were matched.
func (s *subproblem) choose(threads int, col []int32, next permspec.Perms) error {
	return parallel.Try(threads, len(col), func(i int) error {
		f := s.found[i*len(col)+int(col[i])]
		env := slices.Clone(s.env)
		env[s.group] = int32(i)
		for _, g := range s.joint.members {
			n := f.plan.size[g]
			for k, r := range s.outer.plan.rows(g, env) {
				copy(next[g][r*n:][:n], f.perms[g][k*n:][:n])
			}
		}
		return nil
	})
}
