package f32

import "sync"

// buffers is the working storage of one goroutine: nothing is allocated once a few are in the pool.
type buffers struct {
	a, b, c    []float32
	rows, cols [kcDeep]int
}

var buffersPool = sync.Pool{New: func() any { return new(buffers) }}

// grow returns *s with length n, reallocated when it has no room.
func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, max(n, 2*cap(*s)))
	}
	return (*s)[:n]
}

// blockA points t at rows i to i+t.m-1, columns p to p+t.k-1 of A, in place or in a copy, one of few. The copy keeps
// whichever direction is contiguous, since kernels read A with any strides.
func (g *product) blockA(buf *buffers, t *tile, i, p, area int) {
	v := &g.a
	if g.readA {
		t.a, t.rsa, t.csa = v.Data[v.Rows.At(i)+v.Cols.At(p):], v.Rows.step, v.Cols.step
		return
	}
	rows, cols := v.Rows.offsets(i, i+t.m, buf.rows[:]), v.Cols.offsets(p, p+t.k, buf.cols[:])
	t.a = grow(&buf.a, few*mc*g.kc)[area*mc*g.kc:]
	switch {
	case inRuns(cols):
		t.rsa, t.csa = t.k, 1
		g.isa.copyBlock(t.a, t.k, v.Data, rows, cols)
	case inRuns(rows):
		t.rsa, t.csa = 1, t.m
		g.isa.copyBlock(t.a, t.m, v.Data, cols, rows)
	default:
		t.rsa, t.csa = t.k, 1
		gather(t.a, t.k, v.Data, rows, cols)
	}
}

// packB packs rows p to pEnd-1 of columns j0 to j1-1 of B, those panels of them that are not read in place.
func (g *product) packB(buf *buffers, p, pEnd, j0, j1 int) {
	w := g.isa.width()
	panel := w * (pEnd - p)
	dst := grow(&buf.b, panel*((j1-j0+w-1)/w))
	rows := g.b.Rows.offsets(p, pEnd, buf.rows[:])
	for j := j0; j < j1; j += w {
		if !g.inPlaceB(j) {
			cols := g.b.Cols.offsets(j, min(j+w, j1), buf.cols[:])
			g.isa.pack(dst[:panel], g.b.Data, rows, cols)
		}
		dst = dst[panel:]
	}
}

// inPlaceB reports whether the panel from column j on is read where it lies. Kernels that cannot mask the columns
// after the last need it packed.
func (g *product) inPlaceB(j int) bool {
	return g.readB && (g.isa == avx512 || j+g.isa.width() <= g.n)
}

// panelB points t at rows p to p+t.k-1 of the panel of B from column j on; j0 is the first column in buf.
func (g *product) panelB(buf *buffers, t *tile, p, j, j0 int) {
	w := g.isa.width()
	switch {
	case g.packed != nil:
		t.b, t.ldb = g.packed.panel(p, j), w
	case g.inPlaceB(j):
		t.b, t.ldb = g.b.Data[g.b.Rows.At(p)+j:], g.b.Rows.step
	default:
		t.b, t.ldb = buf.b[(j-j0)*t.k:], w
	}
}
