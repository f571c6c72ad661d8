package f32

// tile is the work of one call of a panel kernel: the product of m rows of A with a panel of B, k deep,
//
//	C[i,j]  = alpha · sum over p of A[i,p]·B[p,j]     (add false)
//	C[i,j] += alpha · sum over p of A[i,p]·B[p,j]     (add true)
//
// Each sum runs over p upwards in a single accumulator. That, and not the shape of the tile, decides how a result
// is rounded, so any cutting of C into tiles gives the same bits.
//
// The assembly reads this struct; strides count elements.
type tile struct {
	a, b, c  []float32
	rsa, csa int // A[i,p] = a[i·rsa + p·csa]
	ldb, ldc int // B[p,j] = b[p·ldb + j]
	m, n, k  int // n is at most width(); only avx512 takes less
	alpha    float32
	add      bool
}

// panelGo is the portable kernel: 4 columns, two rows at a time.
func panelGo(t *tile) {
	i := 0
	for ; i+2 <= t.m; i += 2 {
		s0, s1 := dot2x4(t, i)
		t.put(i, s0)
		t.put(i+1, s1)
	}
	if i < t.m {
		t.put(i, dot1x4(t, i))
	}
}

// put stores a row of sums.
func (t *tile) put(i int, s [4]float32) {
	c := (*[4]float32)(t.c[i*t.ldc:])
	if !t.add {
		c[0], c[1], c[2], c[3] = t.alpha*s[0], t.alpha*s[1], t.alpha*s[2], t.alpha*s[3]
		return
	}
	c[0] += t.alpha * s[0]
	c[1] += t.alpha * s[1]
	c[2] += t.alpha * s[2]
	c[3] += t.alpha * s[3]
}

func dot2x4(t *tile, i int) (r0, r1 [4]float32) {
	var s0, s1, s2, s3, u0, u1, u2, u3 float32
	a0, a1, b := t.a[i*t.rsa:], t.a[(i+1)*t.rsa:], t.b
	for p, pa, pb := 0, 0, 0; p < t.k; p, pa, pb = p+1, pa+t.csa, pb+t.ldb {
		row := (*[4]float32)(b[pb:])
		x, y := a0[pa], a1[pa]
		s0 += x * row[0]
		s1 += x * row[1]
		s2 += x * row[2]
		s3 += x * row[3]
		u0 += y * row[0]
		u1 += y * row[1]
		u2 += y * row[2]
		u3 += y * row[3]
	}
	return [4]float32{s0, s1, s2, s3}, [4]float32{u0, u1, u2, u3}
}

func dot1x4(t *tile, i int) [4]float32 {
	var s0, s1, s2, s3 float32
	a, b := t.a[i*t.rsa:], t.b
	for p, pa, pb := 0, 0, 0; p < t.k; p, pa, pb = p+1, pa+t.csa, pb+t.ldb {
		row := (*[4]float32)(b[pb:])
		x := a[pa]
		s0 += x * row[0]
		s1 += x * row[1]
		s2 += x * row[2]
		s3 += x * row[3]
	}
	return [4]float32{s0, s1, s2, s3}
}
