package solver

import (
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
)

// shift is what one site's gains change by: places at of the rest, where elements from of B stood and to stand now.
type shift struct {
	a, b         []float32
	slots        []int
	at, from, to []int
}

// shifts gathers those of several sites and adds them to the gains by few products, for
// each goes once over all of the gains, however little it adds.
type shifts struct {
	g       *gains
	threads int
	waiting [2][]shift // whose slots lie closer together than their places, and whose do not
	places  [2]int     // of them together
}

// mostWaiting is how many places wait at most, of either kind.
const mostWaiting = 2048

func (l *shifts) add(c shift) {
	if len(c.at) == 0 {
		return
	}
	apart := 0
	if span(c.slots) > span(c.at) {
		apart = 1
	}
	for len(c.at) > 0 {
		n := min(len(c.at), mostWaiting-l.places[apart])
		l.waiting[apart] = append(l.waiting[apart], shift{c.a, c.b, c.slots, c.at[:n], c.from[:n], c.to[:n]})
		c.at, c.from, c.to = c.at[n:], c.from[n:], c.to[n:]
		if l.places[apart] += n; l.places[apart] == mostWaiting {
			l.flush()
		}
	}
}

// span is how far apart the first and the last of some ascending offsets are.
func span(offsets []int) int { return offsets[len(offsets)-1] - offsets[0] }

// flush adds what waits.
func (l *shifts) flush() {
	n := l.g.Rows
	if m := l.places[0]; m > 0 {
		a, d := l.rows(m)
		l.g.add(l.threads, f32.Dense(a, m, n, n).T(), f32.Dense(d, m, n, n))
	}
	if m := l.places[1]; m > 0 {
		a, d := l.columns(m)
		l.g.add(l.threads, f32.Dense(a, n, m, m), f32.Dense(d, n, m, m).T())
	}
	l.waiting, l.places = [2][]shift{}, [2]int{}
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
			p, q, old := c.a[c.at[r]:], c.b[c.to[r]:], c.b[c.from[r]:]
			if neighbours {
				copy(x, p)
				f32.Sub(y, q[:n], old[:n])
				return
			}
			for k, s := range c.slots {
				x[k], y[k] = p[s], q[s]-old[s]
			}
		})
		first += len(c.at)
	}
	return a, d
}

// columns lists them by slots, the m places side by side.
func (l *shifts) columns(m int) (a, d []float32) {
	n := l.g.Rows
	a, d = make([]float32, m*n), make([]float32, m*n)
	parallel.For(l.threads, n, func(k int) {
		at := k * m
		for _, c := range l.waiting[1] {
			s := c.slots[k]
			c.row(a[at:][:len(c.at)], d[at:][:len(c.at)], c.a[s:], c.b[s:])
			at += len(c.at)
		}
	})
	return a, d
}

// row lists one slot's elements of A and its differences of B, which begin at p and q.
func (c *shift) row(x, y, p, q []float32) {
	at, from, to := c.at[:len(x)], c.from[:len(x)], c.to[:len(x)]
	y = y[:len(x)]
	for r := range x {
		x[r] = p[at[r]]
		y[r] = q[to[r]] - q[from[r]]
	}
}
