package solver

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// most is how many offsets of the rest of a site are tabulated at once.
const most = 1 << 18

// gains is a gain matrix: entry (i, j) is what the objective gains by putting
// slot j of B where slot i of A is, all else being as the frame has it.
type gains struct {
	Matrix[float32]
	perms  []permspec.Perms // for each site those its part was computed for; nil: not in it yet
	rounds int              // how often something was added
	sums   int              // to each entry, then
	a, b   []float64        // norms of the slots of A and of B over all sites; nil: not computed yet
}

func newGains(n, sites int) *gains {
	stride := n
	if n%128 == 0 { // rows a power of two apart would share the same few lines of a cache
		stride += 8
	}
	return &gains{Matrix: Matrix[float32]{n, n, stride, make([]float32, n*stride)}, perms: make([]permspec.Perms, sites)}
}

// clone returns gains that can be computed on without changing these.
func (g *gains) clone() *gains {
	out := *g
	out.Data, out.perms = slices.Clone(g.Data), slices.Clone(g.perms)
	return &out
}

// compute brings the gains of the sites up to date with the frame's
// permutations, leaving out those that stand against a group which is not known.
// Env gives the places of the groups that are pinned. When few slots have moved
// since the last time, only what these change is computed.
func (g *gains) compute(f *frame, sites []site, env []int32, ws *workspace) {
	now := slices.Clone(f.perms)
	round := g.rounds + 1
	late := shifts{g: g, threads: ws.threads}
	for k := range sites {
		s := &sites[k]
		switch {
		case ws.hides(f.plan, s):
			continue
		case g.perms[k] == nil:
			f.product(s, env, g, ws.threads)
			g.rounds = round
		case f.moved(s, g.perms[k]):
			f.update(s, env, g.perms[k], &late)
			g.rounds = round
		}
		g.perms[k] = now
	}
	late.flush()
}

// product adds the gains of one site.
func (f *frame) product(s *site, env []int32, g *gains, threads int) {
	rows := f32.Offsets(f.slots(s.box, s.rows))
	a, b := f.data.of(f.plan.boxes[s.box].weight)
	f.chunks(s, env, nil, func(at offsets) {
		g.add(threads,
			f32.View{Data: a, Rows: rows, Cols: f32.Offsets(at.a)},
			f32.View{Data: b, Rows: f32.Offsets(at.b), Cols: rows})
	})
}

// add adds a product to the gains.
func (g *gains) add(threads int, a, b f32.View) {
	f32.ProductAcc(threads, a, b, g.Data, g.Stride)
	g.sums += (a.Cols.Len() + f32.Depth - 1) / f32.Depth
}

// update notes what a site's gains have changed by since permutations old: with
// S the places of the rest where another slot of B stands now,
//
//	Σ over r in S of A[i, r]·(B[j, r] now - B[j, r] then).
func (f *frame) update(s *site, env []int32, old permspec.Perms, late *shifts) {
	slots := f.slots(s.box, s.rows)
	a, b := f.data.of(f.plan.boxes[s.box].weight)
	then := *f
	then.perms = old
	only := f.movedPlaces(s, old)
	var before []offsets
	then.chunks(s, env, only, func(at offsets) { before = append(before, at) })
	f.chunks(s, env, only, func(now offsets) {
		was := before[0]
		before = before[1:]
		var places, from, to []int
		for r, at := range now.b {
			if at != was.b[r] {
				places, from, to = append(places, now.a[r]), append(from, was.b[r]), append(to, at)
			}
		}
		late.add(a, b, slots, places, from, to)
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

// movedPlaces returns, where only one digit of a site's rest stands otherwise than perms
// say and its places hang on no others, at which places of it that is so; else nil,
// for all places of the rest. It is by digits, as of frame.offsets.
func (f *frame) movedPlaces(s *site, perms permspec.Perms) [][]int32 {
	b := &f.plan.boxes[s.box]
	moves := func(d int) bool {
		x := b.digits[d].group
		return x >= 0 && !same(f.perms[x], perms[x])
	}
	var only [][]int32
	for _, d := range s.rest {
		if !moves(d) {
			continue
		}
		if only != nil || len(b.digits[d].under) > 0 || len(b.tree(d)) > 1 {
			return nil
		}
		only = make([][]int32, len(b.digits))
		x := b.digits[d].group
		for i, j := range f.perms[x] {
			if perms[x][i] != j {
				only[d] = append(only[d], int32(i))
			}
		}
	}
	if slices.ContainsFunc(s.pins, moves) {
		return nil
	}
	return only
}

// same reports whether two permutations are equal; often they are the same
// slice.
func same(p, q []int32) bool {
	return len(p) == 0 || &p[0] == &q[0] || slices.Equal(p, q)
}

// chunks lists the offsets of a site's rest, a bounded number at a time; only restricts
// digits to some places (nil: all).
func (f *frame) chunks(s *site, env []int32, only [][]int32, yield func(offsets)) {
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
	if base.fixed != nil {
		n = len(base.fixed.a)
	}
	for _, d := range s.rest {
		n *= b.places(d, only)
	}
	if n <= most || len(s.rest) == 0 {
		yield(f.offsets(s.box, base, s.rest, pins, only))
		return
	}
	slow := s.rest[0]
	places := allPlaces(b.digits[slow].size)
	if only == nil {
		only = make([][]int32, len(b.digits))
	} else if only = slices.Clone(only); only[slow] != nil {
		places = only[slow]
	}
	for part := range slices.Chunk(places, max(1, most/(n/len(places)))) {
		only[slow] = part
		yield(f.offsets(s.box, base, s.rest, pins, only))
	}
}

// places is how many places of a digit there are, or are to be visited.
func (b *box) places(d int, only [][]int32) int {
	if only != nil && only[d] != nil {
		return len(only[d])
	}
	return b.digits[d].size
}

func allPlaces(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}
