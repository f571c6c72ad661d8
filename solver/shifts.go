package solver

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
)

// shift is what one site's gains change by: at lists places of A's rest, and places those of
// B's, in order, that stood there, places[from[r]], or stand there now, places[to[r]].
type shift struct {
	a, b     []float32
	slots    []int
	at       []int
	places   []int
	from, to []int32
}

// shifts gathers those of several sites and adds them to the gains by few products, for
// each goes once over all of the gains, however little it adds.
type shifts struct {
	g       *gains
	threads int
	waiting [2][]shift // whose slots lie closer together than their places, and whose do not
	count   [2]int     // places of them together
}

// mostWaiting is how many places wait at most, of either kind.
const mostWaiting = 2048

// add notes that at places at of A's rest other places of B's stand now than before.
func (l *shifts) add(a, b []float32, slots, at, from, to []int) {
	if len(at) == 0 {
		return
	}
	apart := 0
	if span(slots) > span(at) {
		apart = 1
	}
	for len(at) > 0 {
		n := min(len(at), mostWaiting-l.count[apart])
		c := shift{a: a, b: b, slots: slots, at: at[:n]}
		c.places = slices.Sorted(slices.Values(slices.Concat(from[:n], to[:n])))
		c.places = slices.Compact(c.places)
		c.from, c.to = ranks(c.places, from[:n]), ranks(c.places, to[:n])
		l.waiting[apart] = append(l.waiting[apart], c)
		at, from, to = at[n:], from[n:], to[n:]
		if l.count[apart] += n; l.count[apart] == mostWaiting {
			l.flush()
		}
	}
}

// span is how far apart the first and the last of some ascending offsets are.
func span(offsets []int) int { return offsets[len(offsets)-1] - offsets[0] }

// ranks returns where values stand in a sorted list that holds them.
func ranks(list, values []int) []int32 {
	out := make([]int32, len(values))
	for k, v := range values {
		at, _ := slices.BinarySearch(list, v)
		out[k] = int32(at)
	}
	return out
}

// flush adds what waits.
func (l *shifts) flush() {
	n := l.g.Rows
	if m := l.count[0]; m > 0 {
		a, d := l.rows(m)
		l.g.add(l.threads, f32.Dense(a, m, n, n).T(), f32.Dense(d, m, n, n))
	}
	if m := l.count[1]; m > 0 {
		a, d := l.columns(m)
		l.g.add(l.threads, f32.Dense(a, n, m, m), f32.Dense(d, n, m, m).T())
	}
	l.waiting, l.count = [2][]shift{}, [2]int{}
}

// rows lists A and the difference of B by places, m of them, slots side by side.
func (l *shifts) rows(m int) (a, d []float32) {
	n := l.g.Rows
	a, d = make([]float32, m*n), make([]float32, m*n)
	first := 0
	for _, c := range l.waiting[0] {
		neighbours := span(c.slots) == n-1
		parallel.For(l.threads, len(c.at), func(r int) {
			x, y := a[(first+r)*n:][:n], d[(first+r)*n:][:n]
			p, now, then := c.a[c.at[r]:], c.b[c.places[c.to[r]]:], c.b[c.places[c.from[r]]:]
			if neighbours {
				copy(x, p)
				f32.Sub(y, now[:n], then[:n])
				return
			}
			for k, s := range c.slots {
				x[k], y[k] = p[s], now[s]-then[s]
			}
		})
		first += len(c.at)
	}
	return a, d
}

// columns lists them by slots, the m places side by side.
func (l *shifts) columns(m int) (a, d []float32) {
	const some = 16 // slots
	n := l.g.Rows
	a, d = make([]float32, m*n), make([]float32, m*n)
	parallel.For(l.threads, (n+some-1)/some, func(part int) {
		buf := make([]float32, 2*m)
		for k := part * some; k < min((part+1)*some, n); k++ {
			at := k * m
			for _, c := range l.waiting[1] {
				s := c.slots[k]
				c.row(a[at:][:len(c.at)], d[at:][:len(c.at)], c.a[s:], c.b[s:], buf)
				at += len(c.at)
			}
		}
	})
	return a, d
}

// row lists one slot's elements of A and its differences of B, which begin at p and q.
func (c *shift) row(x, y, p, q, buf []float32) {
	for r, o := range c.at {
		x[r] = p[o]
	}
	buf = buf[:len(c.places)] // in the order in which they lie in memory
	for r, o := range c.places {
		buf[r] = q[o]
	}
	to := c.to[:len(c.from)]
	for r, then := range c.from {
		y[r] = buf[to[r]] - buf[then]
	}
}
