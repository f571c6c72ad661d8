package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// tally is a sum over elements of A and the elements of π(B) that take their
// places.
type tally struct {
	dot  float64 // Σ a·b
	dist float64 // Σ (a - b)², only when asked for
}

// objective is Σ a·b over all boxes, in float64.
func (f *frame) objective() (float64, error) {
	t, err := f.total(false)
	return t.dot, err
}

// total sums over all boxes, one weight at a time.
func (f *frame) total(dist bool) (tally, error) {
	var sum tally
	for k := range f.plan.boxes {
		t := f.tally(k, nil, dist)
		sum.dot += t.dot
		sum.dist += t.dist
	}
	return sum, f.data.failed()
}

// changes returns, for each set of places of a unit's group, the objective with
// permutations next there minus that with the frame's, and the size of the sums
// it comes from. The unit stands at most once in every box, so that sets are
// changed independently of each other, and one pass over a box does for all.
func (f *frame) changes(n int, sets [][]int32, next permspec.Perms) (delta, scale []float64) {
	delta, scale = make([]float64, len(sets)), make([]float64, len(sets))
	if len(sets) == 0 {
		return delta, scale
	}
	of := make([]int, f.plan.size[f.plan.units[n].group]) // the set of a place
	for k, places := range sets {
		for _, i := range places {
			of[i] = k
		}
	}
	places := slices.Sorted(slices.Values(slices.Concat(sets...)))
	then := *f
	then.perms = next
	for _, st := range f.plan.units[n].stands {
		old, now := f.tallies(st.box, st.digits[0], places), then.tallies(st.box, st.digits[0], places)
		for t, i := range places {
			delta[of[i]] += now[t] - old[t]
			scale[of[i]] += math.Abs(now[t]) + math.Abs(old[t])
		}
	}
	return delta, scale
}

// change returns the objective with permutations next minus that with the
// frame's, which differ only for unit n and there only at the given places of
// its group, and the size of the sums it comes from. Only elements at those
// places are looked at.
func (f *frame) change(n int, places []int32, next permspec.Perms) (delta, scale float64) {
	u := &f.plan.units[n]
	inside := make([]bool, f.plan.size[u.group])
	for _, i := range places {
		inside[i] = true
	}
	var outside []int32
	for i, in := range inside {
		if !in {
			outside = append(outside, int32(i))
		}
	}
	then := *f
	then.perms = next
	for _, st := range u.stands {
		only := make([][]int32, len(f.plan.boxes[st.box].digits))
		for _, d := range st.digits { // the digit's place is inside, that of digits before it is not
			only[d] = places
			old, now := f.tally(st.box, only, false).dot, then.tally(st.box, only, false).dot
			delta += now - old
			scale += max(now, -now) + max(old, -old)
			if only[d] = outside; outside == nil {
				break
			}
		}
	}
	return delta, scale
}

// portion is how many elements a tally sums one after the other. The parts are
// summed side by side and added in order, so that the sum does not depend on the
// number of threads.
const portion = 1 << 15

// tally sums over one box; only restricts digits to some places (nil: all).
func (f *frame) tally(k int, only [][]int32, dist bool) tally {
	b := &f.plan.boxes[k]
	slow, fast := b.halves(only)
	pins := make([]int32, len(b.digits))
	outer := f.offsets(k, f.at[k], slow, pins, only)
	inner := f.offsets(k, place{}, fast, pins, only).line()
	x, y := f.data.of(b.weight)
	rows := max(1, portion/max(1, len(inner.a)))
	parts := make([]tally, (len(outer.a)+rows-1)/rows)
	parallel.For(f.threads, len(parts), func(n int) {
		for i := n * rows; i < min((n+1)*rows, len(outer.a)); i++ {
			parts[n].add(x[outer.a[i]:], y[outer.b[i]:], &inner, dist)
		}
	})
	var t tally
	for _, part := range parts {
		t.dot += part.dot
		t.dist += part.dist
	}
	return t
}

// parts is how many sums for each place tallies keeps side by side at most.
const parts = 32

// tallies returns Σ a·b over one box for each of some places of digit d. Like
// tally it does not depend on the number of threads.
func (f *frame) tallies(k, d int, places []int32) []float64 {
	b := &f.plan.boxes[k]
	only := make([][]int32, len(b.digits))
	only[d] = places
	slow, fast := b.halves(only)
	pins := make([]int32, len(b.digits))
	outer := f.offsets(k, f.at[k], slow, pins, only)
	inner := f.offsets(k, place{}, fast, pins, only)
	x, y := f.data.of(b.weight)
	rows := max(1, portion/max(1, len(inner.a)), (len(outer.a)+parts-1)/parts)
	sums := make([][]float64, (len(outer.a)+rows-1)/rows)
	var add func(sum []float64, i int)
	if at := slices.Index(slow, d); at >= 0 {
		inner, after := inner.line(), b.count(slow[at+1:])
		add = func(sum []float64, i int) {
			var t tally
			t.add(x[outer.a[i]:], y[outer.b[i]:], &inner, false)
			sum[i/after%len(places)] += t.dot
		}
	} else {
		after := b.count(fast[slices.Index(fast, d)+1:])
		at := make([]int32, len(inner.a)) // the place an offset belongs to
		for r := range at {
			at[r] = int32(r / after % len(places))
		}
		add = func(sum []float64, i int) {
			x, y := x[outer.a[i]:], y[outer.b[i]:]
			for r, t := range at {
				sum[t] += float64(x[inner.a[r]]) * float64(y[inner.b[r]])
			}
		}
	}
	parallel.For(f.threads, len(sums), func(n int) {
		sums[n] = make([]float64, len(places))
		for i := n * rows; i < min((n+1)*rows, len(outer.a)); i++ {
			add(sums[n], i)
		}
	})
	total := make([]float64, len(places))
	for _, sum := range sums {
		for t, v := range sum {
			total[t] += v
		}
	}
	return total
}

// count is how many places some digits have together.
func (b *box) count(digits []int) int {
	n := 1
	for _, d := range digits {
		n *= b.digits[d].size
	}
	return n
}

// The kinds of lines: elements of A are neighbours, those of B too or not; or
// neither are.
const (
	neighbours = iota
	gathered
	scattered
)

// line is a list of offsets that is gone along again and again.
type line struct {
	offsets
	kind int
	end  int // that of B's elements; 0: they lie too far apart to be asked for all at once
}

func (at offsets) line() line {
	l := line{at, neighbours, 0}
	for r := range at.a {
		if at.a[r] != r {
			return line{at, scattered, 0}
		}
		if at.b[r] != r {
			l.kind = gathered
		}
		l.end = max(l.end, at.b[r]+1)
	}
	if l.end > 2*len(at.b) {
		l.end = 0
	}
	return l
}

// add adds the elements at the given offsets.
func (t *tally) add(x, y []float32, at *line, dist bool) {
	switch at.kind {
	case scattered:
		t.scattered(x, y, at.offsets, dist)
		return
	case gathered:
		f32.Fetch(y[:at.end])
		t.gathered(x[:len(at.a)], y, at.b, dist)
		return
	}
	t.neighbours(x[:len(at.a)], y, dist)
}

// neighbours adds the products of two vectors.
func (t *tally) neighbours(x, y []float32, dist bool) {
	y = y[:len(x)]
	t.dot += f32.Dot(x, y)
	if dist {
		t.dist += f32.SquaredDistance(x, y)
	}
}

// gathered is neighbours with the elements of y at the given offsets, some at a
// time.
func (t *tally) gathered(x, y []float32, from []int, dist bool) {
	var buf [512]float32
	for len(x) > 0 {
		n := min(len(x), len(buf))
		for r, o := range from[:n] {
			buf[r] = y[o]
		}
		t.neighbours(x[:n], buf[:n], dist)
		x, from = x[n:], from[n:]
	}
}

// halves parts the digits of a box in two sets that do not hang together by
// nesting: the fast ones, which have the smallest strides, with enough places
// between them to make a loop worthwhile.
func (b *box) halves(only [][]int32) (slow, fast []int) {
	order := b.others()
	inFast := make([]bool, len(b.digits))
	n := 1
	for k := len(order) - 1; k >= 0 && n < 256; k-- {
		if inFast[order[k]] {
			continue
		}
		for _, d := range b.closure([]int{order[k]}, nil) {
			inFast[d] = true
			n *= b.places(d, only)
		}
	}
	for _, d := range order {
		if inFast[d] {
			fast = append(fast, d)
		} else {
			slow = append(slow, d)
		}
	}
	return slow, fast
}

// scattered adds the elements at the given offsets. Four sums run side by side, each
// in a fixed order.
func (t *tally) scattered(x, y []float32, at offsets, dist bool) {
	var s [4]float64
	n := len(at.a) &^ 3
	for r := 0; r < n; r += 4 {
		p, q := at.a[r:r+4:r+4], at.b[r:r+4:r+4]
		s[0] += float64(x[p[0]]) * float64(y[q[0]])
		s[1] += float64(x[p[1]]) * float64(y[q[1]])
		s[2] += float64(x[p[2]]) * float64(y[q[2]])
		s[3] += float64(x[p[3]]) * float64(y[q[3]])
	}
	for r := n; r < len(at.a); r++ {
		s[0] += float64(x[at.a[r]]) * float64(y[at.b[r]])
	}
	t.dot += (s[0] + s[1]) + (s[2] + s[3])
	if dist {
		sum := 0.0
		for r := range at.a {
			d := float64(x[at.a[r]]) - float64(y[at.b[r]])
			sum += d * d
		}
		t.dist += sum
	}
}
