package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// relaxed is a point between permutations, Σ part·perms. The gains there are the
// same mean of those at the permutations, since a gain is linear in every other
// group: exactly where no box holds more than two groups, else nearly.
type relaxed struct {
	units []int
	gains []Matrix[float32]
	perms []permspec.Perms
	parts []float64
	value float64       // of the objective
	last  []*Assignment // of each unit: the steepest corner, which is seldom far from the next
}

const (
	mixed   = 3    // random members that a relaxed start mixes with the best
	walks   = 60   // at most so many steps
	settled = 1e-5 // a step that gains less than this, relative to the value, is the last
)

// relax climbs through the doubly stochastic matrices, which permutations are the
// corners of: Frank and Wolfe's method on all units at once, with exact line
// search (Crisostomi et al. 2024, C2M3). It starts from the mean of the given
// permutations, of which the first gives what is nested, and sets the frame to
// permutations close to where it ends, from which to climb on. Cost: a matrix product and
// an assignment of every unit for each of from and each step.
func (f *frame) relax(ws *workspace, from []permspec.Perms) error {
	p := &relaxed{units: f.plan.relaxable()}
	p.gains, p.last = make([]Matrix[float32], len(p.units)), make([]*Assignment, len(p.units))
	for k, perms := range from {
		corner := slices.Clone(from[0])
		for _, n := range p.units {
			g := f.plan.units[n].group
			corner[g] = perms[g]
		}
		if err := f.towards(ws, p, corner, func(_, _ float64) float64 { return 1 / float64(k+1) }); err != nil {
			return err
		}
	}
	for range walks {
		before := p.value
		corner, err := f.steepest(p)
		if err == nil {
			err = f.towards(ws, p, corner, farthest)
		}
		if err != nil {
			return err
		}
		if p.value-before <= settled*math.Abs(before) || ws.stopped() {
			break
		}
	}
	return f.project(p)
}

// relaxable lists the units that have no nested groups and are not nested.
func (p *plan) relaxable() []int {
	var out []int
	for n := range p.units {
		if u := &p.units[n]; len(u.members) == 1 && len(p.under[u.group]) == 0 {
			out = append(out, n)
		}
	}
	return out
}

// farthest is where slope·t + curve·t² is largest between 0 and 1.
func farthest(slope, curve float64) float64 {
	if curve >= 0 {
		return 1
	}
	return max(0, min(1, -slope/(2*curve)))
}

// steepest returns the corner in whose direction the objective rises most.
func (f *frame) steepest(p *relaxed) (permspec.Perms, error) {
	corner := slices.Clone(f.perms)
	for k, n := range p.units {
		g := f.plan.units[n].group
		a, err := Assign(p.gains[k], AssignOptions{Prefer: f.perms[g], Warm: p.last[k]})
		if err != nil {
			return nil, err
		}
		corner[g], p.last[k] = a.Col, a
	}
	return corner, nil
}

// towards moves p a part of the way to a corner, where the frame is left. How far
// tells from the objective on the way there,
//
//	value + slope·t + curve·t²,   slope = <gains of p, corner - p>,   curve = <gains of corner - gains of p, corner - p>/2.
func (f *frame) towards(ws *workspace, p *relaxed, corner permspec.Perms, far func(slope, curve float64) float64) error {
	f.perms = corner
	there := f.gainsOf(ws, p.units)
	if len(p.perms) == 0 {
		for k := range there {
			p.gains[k] = there[k]
			p.gains[k].Data = slices.Clone(there[k].Data)
		}
		var err error
		p.perms, p.parts = []permspec.Perms{corner}, []float64{1}
		p.value, err = f.objective()
		return err
	}
	slope := f.along(p, p.gains, corner)
	curve := (f.along(p, there, corner) - slope) / 2
	t := far(slope, curve)
	p.value += t*slope + t*t*curve
	for k := range p.gains {
		now := p.gains[k].Data
		for i, g := range there[k].Data {
			now[i] += float32(t) * (g - now[i])
		}
	}
	for k := range p.parts {
		p.parts[k] *= 1 - t
	}
	p.perms, p.parts = append(p.perms, corner), append(p.parts, t)
	return f.data.failed()
}

// gainsOf returns the gain matrices of some units, valid until the next call.
func (f *frame) gainsOf(ws *workspace, units []int) []Matrix[float32] {
	out := make([]Matrix[float32], len(units))
	env := free(len(f.plan.size))
	for k, n := range units {
		u, us := &f.plan.units[n], &ws.units[n]
		if us.plain[0] == nil {
			us.plain[0] = newGains(f.plan.size[u.group], len(u.plain))
		}
		us.plain[0].compute(f, u.plain, env, ws)
		out[k] = us.plain[0].Matrix
	}
	return out
}

// along is <gains, corner - p>.
func (f *frame) along(p *relaxed, gains []Matrix[float32], corner permspec.Perms) float64 {
	sum := 0.0
	for k, n := range p.units {
		g := f.plan.units[n].group
		sum += picked(gains[k], corner[g])
		for v, perms := range p.perms {
			sum -= p.parts[v] * picked(gains[k], perms[g])
		}
	}
	return sum
}

// picked sums the gains that a permutation picks.
func picked(gains Matrix[float32], perm []int32) float64 {
	sum := 0.0
	for i, j := range perm {
		sum += float64(gains.Row(i)[j])
	}
	return sum
}

// project sets the frame to permutations whose entries have the most of p.
func (f *frame) project(p *relaxed) error {
	f.perms = slices.Clone(f.perms)
	for _, n := range p.units {
		g := f.plan.units[n].group
		size := f.plan.size[g]
		m := Matrix[float32]{size, size, size, make([]float32, size*size)}
		for v, perms := range p.perms {
			for i, j := range perms[g] {
				m.Data[i*size+int(j)] += float32(p.parts[v])
			}
		}
		a, err := Assign(m, AssignOptions{Prefer: f.perms[g]})
		if err != nil {
			return err
		}
		f.perms[g] = a.Col
	}
	return nil
}
