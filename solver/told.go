package solver

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// few is how many slots a unit has for which sums over its elements are quicker
// than to find how far its gains can be wrong, where that is not known.
const few = 64

// told returns, for each set of places of a unit's group, by how much its gains
// say that the objective rises with permutations next there, and how far that can
// be off: infinitely far where the gains alone do not tell.
//
// With u = 2⁻²⁴, what one round adds to an entry (i, j) are sums of f32.Depth products at
// most, each off by no more than f32.Depth·u of its terms, together at most f32.Depth·u·|A_i|·|B_j|;
// what later rounds add, products with differences of two places of B, which are
// rounded too, are off by no more than twice (f32.Depth + 1)·u·|A_i|·|B_j|. To add such
// a sum rounds once more: the entry is then no larger than 3·|A_i|·|B_j|. What float32 loses
// below its smallest numbers is less than lost.
func (f *frame) told(ws *workspace, n int, sets [][]int32, next permspec.Perms) (delta, doubt []float64) {
	delta, doubt = make([]float64, len(sets)), make([]float64, len(sets))
	u := &f.plan.units[n]
	g := ws.units[n].plain[0]
	if g.a == nil && f.plan.size[u.group] < few || len(u.members) > 1 || len(f.plan.under[u.group]) > 0 || !ws.keeps {
		for k := range doubt {
			doubt[k] = math.Inf(1)
		}
		return delta, doubt
	}
	g.norms(f, u.plain, ws.threads)
	const lost = 1e-36
	off := g.off(g.rounds)
	for k, places := range sets {
		doubt[k] = lost
		for _, i := range places {
			old, now := f.perms[u.group][i], next[u.group][i]
			delta[k] += float64(g.Row(int(i))[now]) - float64(g.Row(int(i))[old])
			doubt[k] += off * g.a[i] * (g.b[old] + g.b[now])
		}
	}
	return delta, doubt
}

// off is how far an entry (i, j) can be off, as a part of |A_i|·|B_j|, after so many rounds.
func (g *gains) off(rounds int) float64 {
	const unit = 1.0 / (1 << 24)
	return (2.001*float64(rounds)*(f32.Depth+1) + 3.001*float64(g.sums)) * unit // and what the norms may be short of
}

// norms computes the norms of the slots, once.
func (g *gains) norms(f *frame, sites []site, threads int) {
	if g.a != nil {
		return
	}
	a, b := make([]float64, g.Rows), make([]float64, g.Rows)
	for k := range sites {
		f.squares(&sites[k], a, b, threads)
	}
	g.a, g.b = roots(a), roots(b)
}

// squares adds the squares of a site's elements to the sums of its slots.
func (f *frame) squares(s *site, a, b []float64, threads int) {
	at, box := f.at[s.box], &f.plan.boxes[s.box]
	slots, rest := f.slots(s.box, s.rows), f.slots(s.box, box.fastLast(s.rest))
	restA, restB := rest, rest
	if at.fixed != nil {
		restA, restB = each(at.fixed.a, rest), each(at.fixed.b, rest)
	}
	x, y := f.data.of(box.weight)
	x, y = x[at.a:], y[at.b:]
	const some = 128 // slots
	parallel.For(threads, (len(a)+some-1)/some, func(k int) {
		i, end := k*some, min((k+1)*some, len(a))
		addSquares(a[i:end], x, slots[i:end], restA)
		addSquares(b[i:end], y, slots[i:end], restB)
	})
}

// each lists the sums of all pairs of offsets.
func each(a, b []int) []int {
	out := make([]int, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

func roots(squares []float64) []float64 {
	out := make([]float64, len(squares))
	for i, v := range squares {
		out[i] = math.Sqrt(v)
	}
	return out
}

// addSquares adds Σ x[slot + offset]² over a list of offsets to the sum of each slot.
func addSquares(sum []float64, x []float32, slots, list []int) {
	if span(slots) > span(list) {
		at := offsets{list, list}.line()
		for i, s := range slots {
			var t tally
			t.add(x[s:], x[s:], &at, false)
			sum[i] += t.dot
		}
		return
	}
	n := len(slots) // some rows of slots at a time
	squares, some := make([]float32, n), make([]float32, n)
	neighbours := span(slots) == n-1
	for r, o := range list {
		if row := x[o:]; neighbours {
			row = row[slots[0]:][:n]
			f32.Mul(squares, row, row)
		} else {
			for i, s := range slots {
				squares[i] = row[s] * row[s]
			}
		}
		f32.Add(some, some, squares)
		if r%32 == 31 || r == len(list)-1 {
			for i, v := range some {
				sum[i] += float64(v)
			}
			clear(some)
		}
	}
}
