package f32

// Products with so few rows, or columns, that packing the other operand would cost more than the product itself. That
// operand is read once, in the direction in which it is contiguous.

// thin says what is done with the few rows of A, or the few columns of B.
type thin int

const (
	notThin thin = iota
	dots         // inner products with the contiguous vectors of the other operand
	combine      // one vector, whose elements weigh the contiguous vectors of the other operand
)

// thinness chooses the way by the shape of the whole product, and whether the operands change roles.
func (g *product) thinness() (way thin, swap bool) {
	if g.packed != nil || g.deep || g.pieces.Len > 0 || !g.a.strided() || !g.b.strided() || g.k < 8 || g.k > 1<<20 {
		return notThin, false
	}
	few := 8
	if g.isa < avx2 {
		few = 1 // the inner products are in plain Go
	}
	switch {
	case g.m <= few && g.n >= 4 && g.k >= 32 && g.b.Rows.step == 1:
		return dots, false
	case g.n <= min(few, 4) && g.m >= 4 && g.k >= 32 && g.a.Cols.step == 1:
		return dots, true
	case g.m == 1 && g.n >= 8 && g.b.Cols.step == 1:
		return combine, false
	case g.n == 1 && g.m >= 8 && g.a.Rows.step == 1:
		return combine, true
	}
	return notThin, false
}

// thinBlock computes rows i0 to i1-1, columns j0 to j1-1 of C.
func (g *product) thinBlock(i0, i1, j0, j1 int) {
	g.start(i0, i1, j0, j1)
	buf := buffersPool.Get().(*buffers)
	few, many := g.a, g.b.T()
	c, row, col := g.c[i0*g.ldc+j0:], g.ldc, 1 // where C[few,many] is
	f0, f1, m0, m1 := i0, i1, j0, j1
	if g.swap {
		few, many = many, few
		row, col = col, row
		f0, f1, m0, m1 = j0, j1, i0, i1
	}
	x := vectors(buf, few, f0, f1)
	sums := grow(&buf.c, (f1-f0)*(m1-m0))
	if g.thin == dots {
		g.dots(sums, x, many, m0, m1)
		for i := range f1 - f0 {
			g.bring(c[i*row:], col, sums[i*(m1-m0):][:m1-m0], g.beta != 0)
		}
	} else {
		for p := 0; p < g.k; p += kc {
			clear(sums)
			g.combine(sums, x[p:min(p+kc, g.k)], many.T(), p, m0)
			g.bring(c, col, sums, g.beta != 0 || p > 0)
		}
	}
	buffersPool.Put(buf)
	if !g.then.empty() {
		for i := i0; i < i1; i++ {
			g.then.apply(g.c[i*g.ldc+j0:i*g.ldc+j1], i, j0)
		}
	}
}

// vectors returns rows i0 to i1-1 of v one after the other.
func vectors(buf *buffers, v View, i0, i1 int) []float32 {
	k := v.Cols.n
	x := grow(&buf.a, (i1-i0)*k)
	for i := i0; i < i1; i++ {
		to, at := x[(i-i0)*k:][:k], v.Rows.At(i)
		if v.Cols.step == 1 {
			copy(to, v.Data[at:])
			continue
		}
		for p := range to {
			to[p] = v.Data[at+v.Cols.step*p]
		}
	}
	return x
}

// dots stores the inner products of the vectors in x with rows from to to-1 of v, four of these at a time. The last
// four may overlap those before: they give the same sums again.
func (g *product) dots(sums, x []float32, v View, from, to int) {
	for i := from; i < to; i += 4 {
		first := min(i, v.Rows.n-4)
		y := v.Data[v.Rows.At(first):]
		for f := 0; f*g.k < len(x); f++ {
			four := g.isa.dots4(x[f*g.k:][:g.k], y, v.Rows.step)
			copy(sums[f*(to-from)+i-from:(f+1)*(to-from)], four[i-first:])
		}
	}
}

// combine adds x[q]·v[p+q, from+j] to sums[j] for all q, upwards.
func (g *product) combine(sums, x []float32, v View, p, from int) {
	for len(x) >= 8 {
		g.isa.combine8(sums, (*[8]float32)(x), v.Data[v.Rows.At(p)+from:], v.Rows.step)
		x, p = x[8:], p+8
	}
	for _, a := range x {
		Axpy(sums, a, v.Data[v.Rows.At(p)+from:][:len(sums)])
		p++
	}
}

// bring stores or adds sums, times alpha, to elements of C that are step apart.
func (g *product) bring(c []float32, step int, sums []float32, add bool) {
	for i, s := range sums {
		s *= g.alpha
		if add {
			s += c[i*step]
		}
		c[i*step] = s
	}
}

func dots4Go(x, y []float32, stride int) (sums [4]float32) {
	y0, y1, y2, y3 := y[:len(x)], y[stride:][:len(x)], y[2*stride:][:len(x)], y[3*stride:][:len(x)]
	var s0, s1, s2, s3 float32
	for p, v := range x {
		s0 += v * y0[p]
		s1 += v * y1[p]
		s2 += v * y2[p]
		s3 += v * y3[p]
	}
	return [4]float32{s0, s1, s2, s3}
}

func combine8Go(y []float32, x *[8]float32, rows []float32, stride int) {
	for p := 0; p < 8; p += 4 {
		r0, r1 := rows[p*stride:][:len(y)], rows[(p+1)*stride:][:len(y)]
		r2, r3 := rows[(p+2)*stride:][:len(y)], rows[(p+3)*stride:][:len(y)]
		a, b, c, d := x[p], x[p+1], x[p+2], x[p+3]
		for j, s := range y {
			s += a * r0[j]
			s += b * r1[j]
			s += c * r2[j]
			s += d * r3[j]
			y[j] = s
		}
	}
}
