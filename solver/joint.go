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
}

// sub sets up the joint problem for the places in env.
func (f *frame) sub(j *joint, group int, env []int32, stop func() bool) *subproblem {
	s := &subproblem{joint: j, group: group, outer: f, env: slices.Clone(env), perms: make(permspec.Perms, len(f.perms)), stop: stop}
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
	for g, under := range j.plan.under {
		if under != nil && !j.plan.vary[g] {
			s.perms[g] = f.part(g, s.env)
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
	solve := func(anew bool) (permspec.Perms, float64, error) {
		ws := newWorkspace(f.plan, 1)
		ws.stop = s.stop
		f.perms = slices.Clone(s.perms)
		env := slices.Clone(s.env)
		env[s.group] = int32(i)
		for _, g := range s.joint.members {
			f.perms[g] = s.outer.part(g, env)
		}
		if anew {
			for _, g := range s.joint.members {
				for k := range f.perms[g] {
					f.perms[g][k] = int32(k % f.plan.size[g])
				}
			}
			if err := f.sketch(ws, true); err != nil {
				return nil, 0, err
			}
		}
		c := climb{f: f, ws: ws, stale: slices.Repeat([]bool{true}, len(f.plan.units))} // what it is worth is summed at the end
		err := c.climb(fixedOrder(len(f.plan.units)), 100, worth)
		return f.perms, c.value, err
	}
	perms, value, err := solve(true)
	if err == nil && current {
		var p permspec.Perms
		var v float64
		if p, v, err = solve(false); v >= value {
			perms, value = p, v
		}
	}
	f.perms = perms
	return f, value, err
}

// nested is what the joint groups are worth; what it matches, choose knows.
func (s *subproblem) nested(threads int) nested {
	row := s.outer.part(s.group, s.env)
	s.found = make([]*frame, len(row)*len(row))
	return nested{s.outer.bound(s.joint, s.group, s.env, threads), func(i, j int) (float64, error) {
		f, v, err := s.at(i, j, int(row[i]) == j)
		s.found[i*len(row)+j] = f
		return v, err
	}}
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
