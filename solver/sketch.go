package solver

import (
"fmt"
"os"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// sketch replaces the frame's permutations by a first guess that does not depend
// on how the units of B are numbered, so that a permutation of A itself is
// recovered whatever it is. Units are matched one after the other. What stands
// against units matched before, or against nothing that moves, counts as it is;
// what stands against units not matched yet is compared after sorting, so that
// their order does not matter. The next unit is always the one with the largest
// part of its weights of the first kind.
func (f *frame) sketch(threads int) error {
	known := make([]bool, len(f.plan.size))
	for g := range known {
		known[g] = !f.plan.vary[g]
	}
	left := fixedOrder(len(f.plan.units))()
	for len(left) > 0 {
		at, most := 0, -1.0
		for k, n := range left {
			if part := f.certain(n, known); part > most {
				at, most = k, part
			}
		}
		n := left[at]
		left = slices.Delete(left, at, at+1)
		ws := newWorkspace(f.plan, threads)
		ws.known, ws.enough = known, most >= enough
		u := &f.plan.units[n]
		if err := f.data.hold(u.weights); err != nil {
			return err
		}
		next, err := f.propose(ws, n)
		f.data.release(u.weights)
		if err != nil {
			return err
		}
		f.perms = next
		solved := []int{u.group}
		for k, in := range u.inner {
			if ws.open(f.plan, u, k) {
				solved = append(solved, in.group)
			}
		}
		for _, g := range solved {
			known[g] = true
		}
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

// plainSites returns the sites of a unit's group alone, those included whose
// nested groups cannot be matched yet.
func (f *frame) plainSites(ws *workspace, u *unit) []site {
	if ws.known == nil {
		return u.plain
	}
	var out []site
	for _, st := range u.stands {
		b := &f.plan.boxes[st.box]
		for _, d := range st.digits {
			tree := b.tree(d)
			matched := len(tree) == 2 && slices.IndexFunc(u.inner, func(in inner) bool { return in.group == b.digits[tree[1]].group }) >= 0
			if matched {
				k := slices.IndexFunc(u.inner, func(in inner) bool { return in.group == b.digits[tree[1]].group })
				matched = ws.open(f.plan, u, k)
			}
			if !matched {
				out = append(out, b.site(st.box, []int{d}))
			}
		}
	}
	return out
}

// blur adds the gains of one site with unknown digits of its rest sorted: entry
// (i, j) is the sum over the places of the known ones of
//
//	<sorted A[i, …], sorted B[j, …]>.
//
// Long sorted lists are shortened to the means of neighbours.
func (f *frame) blur(s *site, env []int32, g *gains, ws *workspace) {
	b := &f.plan.boxes[s.box]
	var hidden []int
	for _, d := range s.rest {
		if x := b.digits[d].group; x >= 0 && !ws.known[x] {
			hidden = append(hidden, d)
		}
	}
	if hidden == nil {
		f.product(s, env, g, ws.threads)
		return
	}
	if ws.enough {
		return
	}
	for _, d := range s.rest {
		if !slices.Contains(hidden, d) && slices.ContainsFunc(b.digits[d].under, func(u int) bool { return slices.Contains(hidden, u) }) {
			hidden = append(hidden, d)
		}
	}
	seen := *s
	seen.rest = b.fastLast(slices.DeleteFunc(slices.Clone(s.rest), func(d int) bool { return slices.Contains(hidden, d) }))
	slots, cloud := f.slots(s.box, s.rows), f.slots(s.box, b.fastLast(hidden))
	x, y := f.data.of(b.weight)
	f.chunks(&seen, env, func(at offsets) {
		per := min(len(cloud), 64)
		step := max(1, 1024/per)
		for r := 0; r < len(at.a); r += step {
			end := min(r+step, len(at.a))
			p := profiles(x, slots, at.a[r:end], cloud, per)
			q := profiles(y, slots, at.b[r:end], cloud, per)
			w := (end - r) * per
			f32.ProductAcc64(ws.threads, f32.Dense(p, g.n, w, w), f32.Dense(q, g.n, w, w).T(), g.c, g.n)
		}
	})
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

var enough = func() float64 { f := 2.0; fmt.Sscan(os.Getenv("ENOUGH"), &f); return f }()
