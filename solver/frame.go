package solver

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// digit is one coordinate of a box: see permspec.Digit.
type digit struct {
	group  int // -1: stands still
	size   int
	stride int
	under  []int // digits of the box, in the order of the group's Under
}

// box is a strided box of elements of one weight, as permspec.Block.
type box struct {
	weight int
	digits []digit
}

// place is where a box lies in a frame: where its first element lies in A and in
// π(B), and the offsets of coordinates that the frame has fixed.
type place struct {
	a, b  int
	fixed *offsets
}

// offsets is a list of pairs of elements that belong together: one of A and the
// one of B that is put there.
type offsets struct{ a, b []int }

// frame is an alignment problem with its current permutations: a whole pair of
// models, or what is left of one when a slot of an outer group is paired with a
// slot of B.
type frame struct {
	plan    *plan
	data    *values
	at      []place // of each box of the plan
	perms   permspec.Perms
	threads int // that sums over a box are spread over
}

// row returns the permutation of digit d of box k when the digits it is under
// stand at places.
func (f *frame) row(k, d int, places []int32) []int32 {
	dg := &f.plan.boxes[k].digits[d]
	o := 0
	for _, u := range dg.under {
		o = o*f.plan.boxes[k].digits[u].size + int(places[u])
	}
	return f.perms[dg.group][o*dg.size:][:dg.size]
}

// walk lists the offsets of some coordinates of a box.
type walk struct {
	f      *frame
	k      int
	digits []int     // the coordinates, slowest first
	only   [][]int32 // for each digit of the box: the places to visit; nil: all
	places []int32   // of each digit of the box: pinned, or where the walk is
	still  bool      // list the slots of B as they stand in the file
	out    offsets
}

// offsets lists the offsets of the given coordinates of box k when it lies at
// the given place, the last coordinate fastest. Where the coordinates that these
// are under stand is read from pins; only restricts coordinates to some places
// (nil: all).
func (f *frame) offsets(k int, at place, digits []int, pins []int32, only [][]int32) offsets {
	w := walk{f: f, k: k, digits: digits, only: only, places: pins}
	n := 1
	for _, d := range digits {
		n *= f.plan.boxes[k].places(d, only)
	}
	if at.fixed == nil {
		w.out = offsets{make([]int, 0, n), make([]int, 0, n)}
		w.visit(0, at.a, at.b)
		return w.out
	}
	n *= len(at.fixed.a)
	w.out = offsets{make([]int, 0, n), make([]int, 0, n)}
	for i := range at.fixed.a {
		w.visit(0, at.a+at.fixed.a[i], at.b+at.fixed.b[i])
	}
	return w.out
}

// slots lists the offsets of the given coordinates as they stand in the file.
func (f *frame) slots(k int, digits []int) []int {
	n := 1
	for _, d := range digits {
		n *= f.plan.boxes[k].digits[d].size
	}
	w := walk{f: f, k: k, digits: digits, still: true, places: make([]int32, len(f.plan.boxes[k].digits))}
	w.out = offsets{make([]int, 0, n), make([]int, 0, n)}
	w.visit(0, 0, 0)
	return w.out.a
}

func (w *walk) visit(t, a, b int) {
	if t == len(w.digits) {
		w.out.a, w.out.b = append(w.out.a, a), append(w.out.b, b)
		return
	}
	d := w.digits[t]
	dg := &w.f.plan.boxes[w.k].digits[d]
	var perm []int32
	if dg.group >= 0 && !w.still {
		perm = w.f.row(w.k, d, w.places)
	}
	step := func(i int32) {
		from := i
		if perm != nil {
			from = perm[i]
		}
		w.places[d] = i
		w.visit(t+1, a+int(i)*dg.stride, b+int(from)*dg.stride)
	}
	switch {
	case w.only != nil && w.only[d] != nil:
		for _, i := range w.only[d] {
			step(i)
		}
	case t == len(w.digits)-1:
		w.last(dg, perm, a, b)
	default:
		for i := range int32(dg.size) {
			step(i)
		}
	}
}

// last lists the fastest coordinate, all of it.
func (w *walk) last(dg *digit, perm []int32, a, b int) {
	if perm == nil {
		for range dg.size {
			w.out.a, w.out.b = append(w.out.a, a), append(w.out.b, b)
			a, b = a+dg.stride, b+dg.stride
		}
		return
	}
	for _, from := range perm {
		w.out.a, w.out.b = append(w.out.a, a), append(w.out.b, b+int(from)*dg.stride)
		a += dg.stride
	}
}

// fastLast orders digits of a box so that the one with the smallest stride is
// last and none stands before one it is under.
func (b *box) fastLast(digits []int) []int {
	var out []int
	left := slices.Clone(digits)
	for len(left) > 0 {
		at := -1
		for i, d := range left {
			if at >= 0 && b.digits[d].stride <= b.digits[left[at]].stride {
				continue
			}
			ready := true
			for _, u := range b.digits[d].under {
				ready = ready && !slices.Contains(left, u)
			}
			if ready {
				at = i
			}
		}
		out = append(out, left[at])
		left = slices.Delete(left, at, at+1)
	}
	return out
}
