package f32

//go:noescape
func expAVX2(dst, x *float32, n int)

//go:noescape
func sigmoidAVX2(dst, x *float32, n int)

//go:noescape
func tanhAVX2(dst, x *float32, n int)

//go:noescape
func erfAVX2(dst, x *float32, n int)

// curve computes f of all elements and reports true, or does nothing and reports false. What is left after the last
// full vector goes through the same kernel.
func (s isa) curve(f curve, dst, x []float32) bool {
	if s == portable {
		return false
	}
	n := len(x) &^ 7
	if n > 0 {
		curveAVX2(f, &dst[0], &x[0], n)
	}
	if n < len(x) {
		var rest [8]float32
		copy(rest[:], x[n:])
		curveAVX2(f, &rest[0], &rest[0], 8)
		copy(dst[n:], rest[:])
	}
	return true
}

func curveAVX2(f curve, dst, x *float32, n int) {
	switch f {
	case expCurve:
		expAVX2(dst, x, n)
	case sigmoidCurve:
		sigmoidAVX2(dst, x, n)
	case tanhCurve:
		tanhAVX2(dst, x, n)
	case erfCurve:
		erfAVX2(dst, x, n)
	}
}
