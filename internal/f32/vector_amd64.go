package f32

// The vector kernels need AVX2 only: they wait for memory. They take multiples of 8 elements, the sums multiples of 16,
// axpy any number.

//go:noescape
func axpyAVX2(y, x *float32, n int, a float32)

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func subAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func divAVX2(dst, a, b *float32, n int)

//go:noescape
func greaterAVX2(dst, a, b *float32, n int)

//go:noescape
func greaterOfPairsAVX2(dst, x *float32, n int)

//go:noescape
func affineAVX2(dst, x *float32, n int, scale, shift, floor float32)

//go:noescape
func dotAVX2(x, y *float32, n int) float64

//go:noescape
func distanceAVX2(x, y *float32, n int) float64

//go:noescape
func sumAVX2(x, _ *float32, n int) float64

//go:noescape
func maxAVX2(x *float32, n int) float32

// vectors returns how many of n elements the kernels take.
func (s isa) vectors(n int) int {
	if s == portable {
		return 0
	}
	return n &^ 7
}

func (s isa) axpy(y []float32, a float32, x []float32) int {
	if s == portable || len(y) == 0 {
		return 0
	}
	axpyAVX2(&y[0], &x[0], len(y), a)
	return len(y)
}

func (s isa) add(dst, a, b []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		addAVX2(&dst[0], &a[0], &b[0], n)
	}
	return n
}

func (s isa) sub(dst, a, b []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		subAVX2(&dst[0], &a[0], &b[0], n)
	}
	return n
}

func (s isa) mul(dst, a, b []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		mulAVX2(&dst[0], &a[0], &b[0], n)
	}
	return n
}

func (s isa) div(dst, a, b []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		divAVX2(&dst[0], &a[0], &b[0], n)
	}
	return n
}

func (s isa) greater(dst, a, b []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		greaterAVX2(&dst[0], &a[0], &b[0], n)
	}
	return n
}

func (s isa) greaterOfPairs(dst, x []float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		greaterOfPairsAVX2(&dst[0], &x[0], n)
	}
	return n
}

func (s isa) affine(dst, x []float32, scale, shift, floor float32) int {
	n := s.vectors(len(dst))
	if n > 0 {
		affineAVX2(&dst[0], &x[0], n, scale, shift, floor)
	}
	return n
}

func (s isa) dot(x, y []float32) float64 {
	if s == portable || len(x) == 0 {
		return dotGo(x, y)
	}
	return dotAVX2(&x[0], &y[0], len(x))
}

func (s isa) distance(x, y []float32) float64 {
	if s == portable || len(x) == 0 {
		return distanceGo(x, y)
	}
	return distanceAVX2(&x[0], &y[0], len(x))
}

func (s isa) sum64(x []float32) float64 {
	if s == portable || len(x) == 0 {
		return sumGo(x)
	}
	return sumAVX2(&x[0], nil, len(x))
}

func (s isa) max(x []float32) (int, float32) {
	n := s.vectors(len(x))
	if n == 0 {
		return 0, minusInf
	}
	return n, maxAVX2(&x[0], n)
}
