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
	waiting [2][]shift // whose slots are neighbours, and whose are not
	places  [2]int     // of them together
}

// mostWaiting is how many places wait at most, of either kind.
const mostWaiting = 2048

func (l *shifts) add(c shift) {
	apart := 0
	if c.slots[len(c.slots)-1] != len(c.slots)-1 {
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

// flush adds what waits.
func (l *shifts) flush() {
	n := l.g.Rows
	if m := l.places[0]; m > 0 {
		a, d := l.rows(m)
		f32.ProductAcc64(l.threads, f32.Dense(a, m, n, n).T(), f32.Dense(d, m, n, n), l.g.Data, l.g.Stride)
	}
	if m := l.places[1]; m > 0 {
		a, d := l.columns(m)
		f32.ProductAcc64(l.threads, f32.Dense(a, n, m, m), f32.Dense(d, n, m, m).T(), l.g.Data, l.g.Stride)
	}
	l.waiting, l.places = [2][]shift{}, [2]int{}
}

// rows lists A and the difference of B by places, m of them, slots side by side.
func (l *shifts) rows(m int) (a, d []float32) {
	n := l.g.Rows
	a, d = make([]float32, m*n), make([]float32, m*n)
	first := 0
	for _, c := range l.waiting[0] {
		parallel.For(l.threads, len(c.at), func(r int) {
			at := (first + r) * n
			copy(a[at:at+n], c.a[c.at[r]:])
			f32.Sub(d[at:at+n], c.b[c.to[r]:][:n], c.b[c.from[r]:][:n])
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
			x, y := a[at:][:len(c.at)], d[at:][:len(c.at)]
			for r := range x {
				x[r], y[r] = c.a[s+c.at[r]], c.b[s+c.to[r]]-c.b[s+c.from[r]]
			}
			at += len(c.at)
		}
	})
	return a, d
}
