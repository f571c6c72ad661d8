package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// enough is the part of a unit's elements that suffices to match it by.
const enough = 0.1

// sketch replaces the frame's permutations by a first guess that does not depend
// on how the units of B are numbered, so that a permutation of A itself is
// recovered whatever it is. Units are matched one after the other, always the
// one with the largest part of its elements certain: standing against units
// matched before, or against nothing that moves. When that part is enough, it
// alone counts; else what stands against units not matched yet is compared too,
// after sorting, so that their order does not matter (full: always).
func (f *frame) sketch(ws *workspace, full bool) error {
	ws.known = make([]bool, len(f.plan.size))
	for g := range ws.known {
		ws.known[g] = !f.plan.vary[g]
	}
	defer func() { ws.known = nil }()
	left := fixedOrder(len(f.plan.units))()
	for len(left) > 0 && !ws.stopped() {
		at, most := 0, -1.0
		for k, n := range left {
			if part := f.certain(n, ws.known); part > most {
				at, most = k, part
			}
		}
		ws.blurred = full || most < enough
		if err := f.guess(ws, left[at]); err != nil {
			return err
		}
		left = slices.Delete(left, at, at+1)
	}
	return nil
}

// guess matches one unit by what is known.
func (f *frame) guess(ws *workspace, n int) error {
	if err := f.rematch(ws, n); err != nil {
		return err
	}
	u := &f.plan.units[n]
	solved := []int{u.group}
	for k, in := range u.inner {
		if ws.open(f.plan, u, k) {
			solved = append(solved, in.group)
		}
	}
	for _, g := range solved {
		ws.known[g] = true
	}
	return nil
}

// certain returns which part of the elements of a unit stand against nothing
// that is unknown.
func (f *frame) certain(n int, known []bool) float64 {
	sure, all := 0, 0
	for _, st := range f.plan.units[n].stands {
		b := &f.plan.boxes[st.box]
		count, open := 1, false
		for d, dg := range b.digits {
			count *= dg.size
			open = open || dg.group >= 0 && !known[dg.group] && d != st.digits[0]
		}
		if all += count; !open {
			sure += count
		}
	}
	return float64(sure) / float64(max(all, 1))
}

// open reports whether inner group k of a unit can be matched: all other groups
// it is under are known.
func (ws *workspace) open(p *plan, u *unit, k int) bool {
	if ws.known == nil {
		return true
	}
	for _, g := range p.under[u.inner[k].group] {
		if g != u.group && !ws.known[g] {
			return false
		}
	}
	return true
}

// lumped returns the sites of a unit's group alone that blur is to look at:
// those of its own, and those with nested groups that cannot be matched yet.
func (f *frame) lumped(ws *workspace, u *unit) []site {
	if ws.known == nil || !ws.blurred {
		return nil
	}
	out := slices.Clone(u.plain)
	for _, st := range u.stands {
		b := &f.plan.boxes[st.box]
		for _, d := range st.digits {
			tree := b.tree(d)
			if len(tree) == 1 {
				continue
			}
			k := slices.IndexFunc(u.inner, func(in inner) bool { return in.group == b.digits[tree[1]].group })
			if k < 0 || !ws.open(f.plan, u, k) {
				out = append(out, b.site(st.box, []int{d}))
			}
		}
	}
	return out
}

// hides reports whether a site stands against a group that is not known.
func (ws *workspace) hides(p *plan, s *site) bool {
	return ws.known != nil && len(p.hidden(s, ws.unknown)) > 0
}

func (ws *workspace) unknown(group int) bool { return !ws.known[group] }

// hidden lists the digits of a site's rest whose groups are not known, or that are under one
// that is not.
func (p *plan) hidden(s *site, unknown func(group int) bool) []int {
	b := &p.boxes[s.box]
	var out []int
	hides := func(d int) bool { return b.digits[d].group >= 0 && unknown(b.digits[d].group) }
	for _, d := range s.rest {
		if hides(d) || slices.ContainsFunc(b.digits[d].under, hides) {
			out = append(out, d)
		}
	}
	return out
}

// blurry is how many elements of each slot blur sorts at least, if there are so
// many; the sites that come after are left out.
const blurry = 1 << 13

// blur returns the gains with those of hidden sites added, as far as these can be
// told: entry (i, j) is the sum over the places of the known digits of
//
//	<sorted A[i, …], sorted B[j, …]>,
//
// the elements of the other digits sorted. Long sorted lists are shortened to
// the means of neighbours.
func (f *frame) blur(sites []site, env []int32, g *gains, ws *workspace) Matrix[float32] {
	if ws.known == nil || !ws.blurred {
		return g.Matrix
	}
	c := g.clone()
	sorted := 0
	for k := range sites {
		s := &sites[k]
		if hidden := f.plan.hidden(s, ws.unknown); len(hidden) > 0 && sorted < blurry {
			sorted += f.profile(s, env, hidden, 64, c, ws.threads)
		}
	}
	return c.Matrix
}

// profile adds the gains of one site with the elements of hidden digits sorted, shortened
// to so many, and returns how many elements of each slot it sorted.
func (f *frame) profile(s *site, env []int32, hidden []int, most int, g *gains, threads int) int {
	b := &f.plan.boxes[s.box]
	seen := *s
	seen.rest = slices.DeleteFunc(slices.Clone(s.rest), func(d int) bool { return slices.Contains(hidden, d) })
	slots, cloud := f.slots(s.box, s.rows), f.slots(s.box, b.fastLast(hidden))
	x, y := f.data.of(b.weight)
	sorted := 0
	f.chunks(&seen, env, nil, func(at offsets) {
		sorted += len(at.a) * len(cloud)
		per := min(len(cloud), most)
		step := max(1, 1024/per)
		for r := 0; r < len(at.a); r += step {
			end := min(r+step, len(at.a))
			p := profiles(x, slots, at.a[r:end], cloud, per)
			q := profiles(y, slots, at.b[r:end], cloud, per)
			w := (end - r) * per
			g.add(threads, f32.Dense(p, g.Rows, w, w), f32.Dense(q, g.Rows, w, w).T())
		}
	})
	return sorted
}

// profiles lists, for each slot and each offset, the elements of a cloud in
// order of size, cut down to per means of neighbours. A mean of n elements is
// scaled by √n, so that products of profiles are about those of the elements.
func profiles(x []float32, slots, offsets, cloud []int, per int) []float32 {
	out := make([]float32, 0, len(slots)*len(offsets)*per)
	buf := make([]float32, len(cloud))
	for _, s := range slots {
		for _, o := range offsets {
			for k, c := range cloud {
				buf[k] = x[s+o+c]
			}
			slices.Sort(buf)
			for k := range per {
				lo, hi := k*len(buf)/per, (k+1)*len(buf)/per
				sum := 0.0
				for _, v := range buf[lo:hi] {
					sum += float64(v)
				}
				out = append(out, float32(sum/math.Sqrt(float64(hi-lo))))
			}
		}
	}
	return out
}
