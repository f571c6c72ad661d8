package f32

import "fmt"

// The blocks of a product. A panel of B, kc by width, stays in the first-level cache while a block of A, mc by kc,
// passes from the second; kc rows of nc columns of B are packed at a time. Blocks are deeper, kcDeep, where all of a
// large C is added to again and again.
//
// kc also fixes the rounding: sums longer than kc are cut there and the parts added in order. It is the same for
// every kernel and every number of threads.
const (
	kc     = 128  // 16 KiB of B with 32 columns, 8 KiB with 16
	kcDeep = 256  // twice that
	mc     = 120  // 60 KiB of A, or 120; a multiple of the kernels' 12 and 6 rows
	nc     = 1024 // 512 KiB of B, or 1024; a multiple of every width

	few = 4 // up to this many blocks of A, B is packed a panel at a time
)

// Depth is how many products are summed at most before the sum is added to C, in ProductAcc and ProductAcc64.
const Depth = kcDeep

// product is one matrix product under way: C = alpha·A·B + beta·C, then the epilogue, or c64 += A·B.
type product struct {
	isa     isa
	a       View // m by k
	b       View // k by n, unless packed
	packed  *Packed
	m, n, k int
	kc      int
	alpha   float32
	beta    float32
	c       []float32
	c64     []float64 // instead of c when not nil
	deep    bool      // blocks are deep and C is asked for ahead
	ldc     int
	pieces  Pieces
	then    Epilogue
	thin    thin // computed without packing
	swap    bool // thin with B's columns in the part of A's rows
	readA   bool // read A in place instead of copying its blocks
	readB   bool // read B in place instead of packing it
}

// plan checks the operands and decides how they are read. It looks at the whole product, never at a thread's share.
func (g *product) plan() {
	g.m, g.k, g.n = g.a.Rows.n, g.a.Cols.n, g.b.Cols.n
	rows := g.b.Rows.n
	if g.packed != nil {
		rows, g.n, g.isa = g.packed.k, g.packed.n, g.packed.isa
	}
	if rows != g.k {
		panic(fmt.Sprintf("f32: product of %d by %d with %d by %d", g.m, g.k, rows, g.n))
	}
	g.a.check("A")
	g.b.check("B")
	size := len(g.c)
	if g.c64 != nil {
		size = len(g.c64)
	}
	if g.kc = kc; g.deep {
		g.kc = kcDeep
	}
	if g.pieces.Len > 0 && g.pieces.Step < g.pieces.Len {
		panic(fmt.Sprintf("f32: pieces of %d columns only %d apart", g.pieces.Len, g.pieces.Step))
	}
	if width := g.pieces.width(g.n); g.m > 0 && g.n > 0 && (g.ldc < width || size <= (g.m-1)*g.ldc+g.pieces.at(g.n-1)) {
		panic(fmt.Sprintf("f32: C is %d by %d with rows %d apart in a slice of %d", g.m, g.n, g.ldc, size))
	}
	g.then.check(g.m, g.n)
	if g.alpha == 0 {
		g.k = 0 // neither A nor B is read, as in BLAS
	}
	g.thin, g.swap = g.thinness()
	// Copying A pays once several panels read the copy; packing B once several blocks of rows do.
	g.readA = g.a.strided() && g.n < 256
	g.readB = g.packed == nil && g.b.strided() && g.b.Cols.step == 1 && g.m <= 16
}

// block computes rows i0 to i1-1, columns j0 to j1-1 of C. j0 is a multiple of the width.
func (g *product) block(i0, i1, j0, j1 int) {
	if g.thin != notThin {
		g.thinBlock(i0, i1, j0, j1)
		return
	}
	if g.c64 == nil {
		g.start(i0, i1, j0, j1)
	}
	buf := buffersPool.Get().(*buffers)
	for j := j0; j < j1; j += nc {
		jEnd := min(j+nc, j1)
		for p := 0; p < g.k; p += g.kc {
			pEnd := min(p+g.kc, g.k)
			if g.packed == nil && i1-i0 <= few*mc {
				g.panels(buf, i0, i1, p, pEnd, j, jEnd)
				continue
			}
			if g.packed == nil {
				g.packB(buf, p, pEnd, j, jEnd)
			}
			for i := i0; i < i1; i += mc {
				g.strip(buf, i, min(i+mc, i1), p, pEnd, j, jEnd)
			}
		}
	}
	buffersPool.Put(buf)
}

// start makes C ready to be added to: nothing when it will be overwritten or is right as it is.
func (g *product) start(i0, i1, j0, j1 int) {
	if g.k > 0 && (g.beta == 0 || g.beta == 1) {
		return
	}
	g.each(i0, i1, j0, j1, func(row []float32, i, j int) {
		if g.beta == 0 {
			clear(row)
		} else if g.beta != 1 {
			Scale(row, g.beta)
		}
		if g.k == 0 {
			g.then.apply(row, i, j)
		}
	})
}

// each calls f for the contiguous parts of rows i0 to i1-1, columns j0 to j1-1 of C, with the place of each.
func (g *product) each(i0, i1, j0, j1 int, f func(row []float32, i, j int)) {
	for i := i0; i < i1; i++ {
		for j := j0; j < j1; {
			n := min(g.pieces.run(j), j1-j)
			f(g.c[i*g.ldc+g.pieces.at(j):][:n], i, j)
			j += n
		}
	}
}

// panels multiplies a few blocks of A with the panels of B, each packed when its turn comes: it is still in the
// first-level cache when the kernel reads it.
func (g *product) panels(buf *buffers, i0, i1, p, pEnd, j0, j1 int) {
	var strips [few]tile
	count := 0
	for i := i0; i < i1; i += mc {
		strips[count] = tile{m: min(mc, i1-i), k: pEnd - p, alpha: g.alpha, add: p > 0 || g.beta != 0}
		g.blockA(buf, &strips[count], i, p, count)
		count++
	}
	w := g.isa.width()
	for j := j0; j < j1; j += w {
		g.packB(buf, p, pEnd, j, min(j+w, j1))
		for s := range strips[:count] {
			t := &strips[s]
			t.n = min(w, j1-j)
			g.panelB(buf, t, p, j, j)
			g.sum(buf, t, i0+s*mc, j)
		}
	}
	if pEnd == g.k && !g.then.empty() {
		g.each(i0, i1, j0, j1, g.then.apply)
	}
}

// strip multiplies a block of A with the panels of B and, after the last block, finishes the rows of C.
func (g *product) strip(buf *buffers, i, iEnd, p, pEnd, j0, j1 int) {
	t := tile{m: iEnd - i, k: pEnd - p, alpha: g.alpha, add: p > 0 || g.beta != 0}
	g.blockA(buf, &t, i, p, 0)
	w := g.isa.width()
	for j := j0; j < j1; j += w {
		t.n = min(w, j1-j)
		g.panelB(buf, &t, p, j, j0)
		g.sum(buf, &t, i, j)
	}
	if pEnd == g.k && !g.then.empty() {
		g.each(i, iEnd, j0, j1, g.then.apply)
	}
}

// sum runs the kernel on one tile and brings its sums into C.
func (g *product) sum(buf *buffers, t *tile, i, j int) {
	w := g.isa.width()
	if g.c64 == nil && (t.n == w || g.isa == avx512) && t.n <= g.pieces.run(j) {
		if t.c, t.ldc = g.c[i*g.ldc+g.pieces.at(j):], g.ldc; g.deep {
			fetch(t.c, g.ldc, t.m, t.n)
		}
		g.isa.panel(t)
		return
	}
	sums := *t
	sums.c, sums.ldc, sums.add = grow(&buf.c, mc*w), w, false
	if g.c64 != nil {
		c := g.c64[i*g.ldc+j:]
		fetch(c, g.ldc, t.m, t.n)
		g.isa.panel(&sums)
		g.isa.accumulate64(c, g.ldc, sums.c, w, t.m, t.n)
		return
	}
	g.isa.panel(&sums)
	g.each(i, i+t.m, j, j+t.n, func(row []float32, r, q int) {
		from := sums.c[(r-i)*w+q-j:][:len(row)]
		if t.add {
			Add(row, row, from)
		} else {
			copy(row, from)
		}
	})
}
