package f32

import "unsafe"

//go:noescape
func panelAVX512(t *tile)

//go:noescape
func panelAVX2(t *tile)

// copyRowsAVX512 copies m rows of n elements, n at most 32: dst[i·ldd + j] = src[base + rows[i] + j].
//
//go:noescape
func copyRowsAVX512(dst *float32, ldd int, src *float32, base int, rows *int, m, n int)

// copyRows16AVX2 copies m rows of 16 elements: dst[i·ldd + j] = src[base + rows[i] + j].
//
//go:noescape
func copyRows16AVX2(dst *float32, ldd int, src *float32, base int, rows *int, m int)

// transpose8AVX2 copies 8 columns of 8·blocks contiguous elements: dst[p·ldd + j] = src[base + cols[j] + p].
//
//go:noescape
func transpose8AVX2(dst *float32, ldd int, src *float32, base int, cols *int, blocks int)

// accumulate64AVX2 adds m rows of n elements: c[i·ldc + j] += s[i·lds + j].
//
//go:noescape
func accumulate64AVX2(c *float64, ldc int, s *float32, lds, m, n int)

// fetchRows asks for m rows of n bytes, stride bytes apart.
//
//go:noescape
func fetchRows(c unsafe.Pointer, stride, m, n int)

// dots4AVX2 stores the inner products of x with the 4 vectors that begin at y, stride elements apart.
//
//go:noescape
func dots4AVX2(sums, x, y *float32, stride, n int)

// combine8AVX2 adds to y the sum of x[p]·rows[p·stride + j] over 8 p.
//
//go:noescape
func combine8AVX2(y, x, rows *float32, stride, n int)

// panel runs the panel kernel.
func (s isa) panel(t *tile) {
	switch s {
	case avx512:
		panelAVX512(t)
	case avx2:
		panelAVX2(t)
	default:
		panelGo(t)
	}
}

// copyRows sets dst[i·ldd + j] = src[base + rows[i] + j] for j < n; n is at most width().
func (s isa) copyRows(dst []float32, ldd int, src []float32, base int, rows []int, n int) {
	switch {
	case s == avx512:
		copyRowsAVX512(&dst[0], ldd, &src[0], base, &rows[0], len(rows), n)
	case s == avx2 && n == 16:
		copyRows16AVX2(&dst[0], ldd, &src[0], base, &rows[0], len(rows))
	default:
		copyRowsGo(dst, ldd, src, base, rows, n)
	}
}

// transpose8 sets dst[p·ldd + j] = src[base + cols[j] + p] for j < 8 and p < n.
func (s isa) transpose8(dst []float32, ldd int, src []float32, base int, cols *[8]int, n int) {
	done := 0
	if s != portable && n >= 8 {
		done = n &^ 7
		transpose8AVX2(&dst[0], ldd, &src[0], base, &cols[0], n/8)
	}
	transpose8Go(dst, ldd, src, base, cols, done, n)
}

// fetch asks for the m by n tile at the start of c while other work is done: its rows are far apart, and to add to it
// would wait for each.
func fetch[F float32 | float64](c []F, ldc, m, n int) {
	size := int(unsafe.Sizeof(c[0]))
	fetchRows(unsafe.Pointer(&c[0]), ldc*size, m, n*size)
}

// accumulate64 adds an m by n tile of sums to c.
func (s isa) accumulate64(c []float64, ldc int, sums []float32, lds, m, n int) {
	if s == portable {
		accumulate64Go(c, ldc, sums, lds, m, n)
		return
	}
	accumulate64AVX2(&c[0], ldc, &sums[0], lds, m, n)
}

// dots4 returns the inner products of x with the 4 vectors in y, stride elements apart.
func (s isa) dots4(x, y []float32, stride int) (sums [4]float32) {
	if s == portable {
		return dots4Go(x, y, stride)
	}
	_ = y[3*stride+len(x)-1]
	dots4AVX2(&sums[0], &x[0], &y[0], stride, len(x))
	return sums
}

// combine8 adds to y[j] the sum of x[p]·rows[p·stride + j] over 8 p, upwards.
func (s isa) combine8(y []float32, x *[8]float32, rows []float32, stride int) {
	if s == portable {
		combine8Go(y, x, rows, stride)
		return
	}
	_ = rows[7*stride+len(y)-1]
	combine8AVX2(&y[0], &x[0], &rows[0], stride, len(y))
}
