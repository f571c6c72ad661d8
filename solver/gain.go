package solver

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// most is how many offsets of the rest of a site are tabulated at once.
const most = 1 << 18

// gains is a gain matrix: entry (i, j) is what the objective gains by putting
// slot j of B where slot i of A is, all else being as perms say.
type gains struct {
	n     int
	c     []float64
	perms permspec.Perms // nil: not computed yet
}

func newGains(n int) *gains { return &gains{n: n, c: make([]float64, n*n)} }

// compute brings the gains of the sites up to date with the frame's
// permutations. Env gives the places of the groups that are pinned. When few
// slots have moved since the last time, only what these change is computed.
func (g *gains) compute(f *frame, sites []site, env []int32, ws *workspace) {
	for i := range sites {
		switch {
		case ws.known != nil:
			f.blur(&sites[i], env, g, ws)
		case g.perms == nil:
			f.product(&sites[i], env, g, ws.threads)
		default:
			f.update(&sites[i], env, g, ws.threads)
		}
	}
	g.perms = slices.Clone(f.perms)
}

// product adds the gains of one site.
func (f *frame) product(s *site, env []int32, g *gains, threads int) {
	rows := f32.Offsets(f.slots(s.box, s.rows))
	a, b := f.data.of(f.plan.boxes[s.box].weight)
	f.chunks(s, env, func(at offsets) {
		f32.ProductAcc64(threads,
			f32.View{Data: a, Rows: rows, Cols: f32.Offsets(at.a)},
			f32.View{Data: b, Rows: f32.Offsets(at.b), Cols: rows}, g.c, g.n)
	})
}

// update adds what a site's gains have changed by since g was computed: with S
// the places of the rest where another slot of B stands now,
//
//	Σ over r in S of A[i, r]·(B[j, r] now - B[j, r] then).
func (f *frame) update(s *site, env []int32, g *gains, threads int) {
	if !f.moved(s, g.perms) {
		return
	}
	slots := f.slots(s.box, s.rows)
	a, b := f.data.of(f.plan.boxes[s.box].weight)
	then := *f
	then.perms = g.perms
	var old []offsets
	then.chunks(s, env, func(at offsets) { old = append(old, at) })
	var diff []float32
	f.chunks(s, env, func(now offsets) {
		was := old[0]
		old = old[1:]
		var cols []int
		diff = diff[:0]
		for r, at := range now.b {
			if at == was.b[r] {
				continue
			}
			cols = append(cols, now.a[r])
			for _, j := range slots {
				diff = append(diff, b[at+j]-b[was.b[r]+j])
			}
		}
		f32.ProductAcc64(threads,
			f32.View{Data: a, Rows: f32.Offsets(slots), Cols: f32.Offsets(cols)},
			f32.Dense(diff, len(cols), g.n, g.n), g.c, g.n)
	})
}

// moved reports whether a site's rest or pins stand otherwise than perms say.
func (f *frame) moved(s *site, perms permspec.Perms) bool {
	b := &f.plan.boxes[s.box]
	for _, set := range [][]int{s.rest, s.pins} {
		for _, d := range set {
			if x := b.digits[d].group; x >= 0 && !same(f.perms[x], perms[x]) {
				return true
			}
		}
	}
	return false
}

// same reports whether two permutations are equal; often they are the same
// slice.
func same(p, q []int32) bool {
	return len(p) == 0 || &p[0] == &q[0] || slices.Equal(p, q)
}

// chunks lists the offsets of a site's rest, a bounded number at a time.
func (f *frame) chunks(s *site, env []int32, yield func(offsets)) {
	b := &f.plan.boxes[s.box]
	pins := make([]int32, len(b.digits))
	base := place{f.at[s.box].a, f.at[s.box].b, f.at[s.box].fixed}
	for _, d := range s.pins {
		pins[d] = env[b.digits[d].group]
	}
	for _, d := range s.pins {
		base.a += int(pins[d]) * b.digits[d].stride
		base.b += int(f.row(s.box, d, pins)[pins[d]]) * b.digits[d].stride
	}
	n := 1
	for _, d := range s.rest {
		n *= b.digits[d].size
	}
	if base.fixed != nil {
		n *= len(base.fixed.a)
	}
	var only [][]int32
	if n <= most || len(s.rest) == 0 {
		yield(f.offsets(s.box, base, s.rest, pins, only))
		return
	}
	slow := s.rest[0]
	only = make([][]int32, len(b.digits))
	step := max(1, most/(n/b.digits[slow].size))
	for i := 0; i < b.digits[slow].size; i += step {
		only[slow] = only[slow][:0]
		for k := i; k < min(i+step, b.digits[slow].size); k++ {
			only[slow] = append(only[slow], int32(k))
		}
		yield(f.offsets(s.box, base, s.rest, pins, only))
	}
}
