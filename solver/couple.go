package solver

import (
	"cmp"
	"slices"
)

// answered is how many exchanges of a unit couple tries with each unit that meets it.
const answered = 32

// exchange is two places of a unit whose slots change places, and what that makes of the objective,
// which is nothing good where the unit is matched best.
type exchange struct {
	places []int32
	gain   float64
}

// couple goes from an optimum of each unit to a better one of two: it exchanges two slots of one
// unit, those that cost least first, and matches another that meets it anew, and keeps both where
// together they raise the objective. It reports whether any did. Cost: of an assignment that is nearly
// solved, for each exchange.
func (c *climb) couple() (better bool, err error) {
	p := c.f.plan
	for n := range p.units {
		for _, m := range p.units[n].near {
			if !p.alone(n) || !p.alone(m) {
				continue
			}
			for _, e := range c.f.exchanges(c.ws, n) {
				if c.ws.stopped() {
					return better, nil
				}
				delta, err := c.f.answer(c.ws, n, m, e)
				if err != nil {
					return better, err
				}
				if delta > 0 { // which is the end of this list: it tells what exchanges cost before
					better = true
					c.value += delta
					c.moved(n)
					c.moved(m)
					break
				}
			}
		}
	}
	return better, nil
}

// moved notes that a unit's permutations are others.
func (c *climb) moved(n int) {
	c.stale[n] = true
	for _, m := range c.f.plan.units[n].near {
		c.stale[m] = true
	}
}

// meets reports whether there are units to couple.
func (p *plan) meets() bool {
	for n := range p.units {
		if p.alone(n) && slices.ContainsFunc(p.units[n].near, p.alone) {
			return true
		}
	}
	return false
}

// alone reports whether a unit's gains are all there is to it: nothing is nested in it, it is
// nested in nothing, and it does not meet itself.
func (p *plan) alone(n int) bool {
	u := &p.units[n]
	return !u.own && len(u.members) == 1 && len(p.under[u.group]) == 0
}

// exchanges lists, of the best exchanges of each place of a unit, those that cost least.
func (f *frame) exchanges(ws *workspace, n int) []exchange {
	gains, perm := f.gainsOf(ws, []int{n})[0], f.perms[f.plan.units[n].group]
	best := make([]exchange, 0, gains.Rows)
	for x := range gains.Rows {
		e := exchange{}
		for y := range x {
			if gain := exchanged(gains, perm, x, y); e.places == nil || gain > e.gain {
				e = exchange{[]int32{int32(x), int32(y)}, gain}
			}
		}
		if x > 0 {
			best = append(best, e)
		}
	}
	slices.SortStableFunc(best, func(a, b exchange) int { return cmp.Compare(b.gain, a.gain) })
	return best[:min(len(best), answered)]
}

// answer makes an exchange in unit n, matches unit m to that, and keeps both if together they raise
// the objective, by what it returns.
func (f *frame) answer(ws *workspace, n, m int, e exchange) (float64, error) {
	u, group := &f.plan.units[m], f.plan.units[m].group
	f.gainsOf(ws, []int{m})
	then := *f
	then.perms = f.merge(&f.plan.units[n], nil, f.perms)
	perm := then.perms[f.plan.units[n].group]
	x, y := e.places[0], e.places[1]
	perm[x], perm[y] = perm[y], perm[x]
	gains := ws.units[m].plain[0].clone()
	gains.compute(&then, u.plain, free(len(f.plan.size)), ws)
	old := f.perms[group]
	solved, err := Assign(gains.Matrix, AssignOptions{Prefer: old, Warm: ws.units[m].solved[0], Threads: ws.threads})
	if err != nil || e.gain+picked(gains.Matrix, solved.Col)-picked(gains.Matrix, old) <= 0 {
		return 0, err
	}
	first, scale := f.change(n, e.places, then.perms)
	next := then
	next.perms = slices.Clone(then.perms)
	next.perms[group] = solved.Col
	var places []int32
	for i, j := range solved.Col {
		if j != old[i] {
			places = append(places, int32(i))
		}
	}
	second, size := then.change(m, places, next.perms)
	if first+second <= 1e-11*(scale+size) {
		return 0, f.data.failed()
	}
	f.perms = next.perms
	return first + second, f.data.failed()
}
