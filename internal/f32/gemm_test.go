package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// a gemmCase is one call of ParGemm and what it must give.
type gemmCase struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	a, b, c        []float32
	lda, ldb, ldc  int
}

func newCase(rng *rand.Rand, transA, transB bool, m, n, k int, alpha, beta float32) *gemmCase {
	g := &gemmCase{transA: transA, transB: transB, m: m, n: n, k: k, alpha: alpha, beta: beta}
	ra, ca, rb, cb := m, k, k, n
	if transA {
		ra, ca = k, m
	}
	if transB {
		rb, cb = n, k
	}
	g.lda, g.ldb, g.ldc = ca+rng.IntN(3), cb+rng.IntN(3), n+rng.IntN(3)
	g.a, g.b, g.c = noise(rng, ra*g.lda), noise(rng, rb*g.ldb), noise(rng, m*g.ldc)
	return g
}

func (g *gemmCase) String() string {
	return fmt.Sprintf("transA %v transB %v m %d n %d k %d alpha %v beta %v", g.transA, g.transB, g.m, g.n, g.k, g.alpha, g.beta)
}

func (g *gemmCase) at(i, p, j int) (a, b float64) {
	ai, bi := i*g.lda+p, p*g.ldb+j
	if g.transA {
		ai = p*g.lda + i
	}
	if g.transB {
		bi = j*g.ldb + p
	}
	return float64(g.a[ai]), float64(g.b[bi])
}

// run calls f on a copy of C and compares with sums in float64: the error of a sum is bounded by that of its terms.
func (g *gemmCase) run(t *testing.T, f func(c []float32)) []float32 {
	t.Helper()
	c := append(make([]float32, 1), g.c...)[1:]
	f(c)
	for i := range g.m {
		for j := range g.ldc {
			old := float64(g.c[i*g.ldc+j])
			if j >= g.n {
				if float64(c[i*g.ldc+j]) != old {
					t.Fatalf("%v: C[%d,%d], outside, was written", g, i, j)
				}
				continue
			}
			want, size := 0.0, 0.0
			if g.beta != 0 {
				want = float64(g.beta) * old
				size = math.Abs(want)
			}
			for p := range g.k {
				a, b := g.at(i, p, j)
				want += float64(g.alpha) * a * b
				size += math.Abs(float64(g.alpha) * a * b)
			}
			got := float64(c[i*g.ldc+j])
			if !(math.Abs(got-want) <= 1e-6*size) {
				t.Fatalf("%v: C[%d,%d] = %v, want %v", g, i, j, got, want)
			}
		}
	}
	return c
}

func (g *gemmCase) gemm(threads int) func(c []float32) {
	return func(c []float32) {
		ParGemm(threads, g.transA, g.transB, g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b, g.ldb, g.beta, c, g.ldc)
	}
}

// edges are the sizes around the kernels' blocks.
var edges = []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 20, 23, 31, 32, 33, 47, 48, 63, 64, 65, 70}

func TestGemmEdges(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		rng := newRand()
		alphas, betas := []float32{1, 1, -0.5}, []float32{0, 1, 0.25}
		for _, m := range edges {
			for _, n := range edges {
				for _, k := range []int{0, 1, 2, 7, 8, 9, 31, 64, 70} {
					if rng.IntN(8) != 0 {
						continue
					}
					x := rng.IntN(4)
					g := newCase(rng, x&1 != 0, x&2 != 0, m, n, k, alphas[rng.IntN(3)], betas[rng.IntN(3)])
					g.run(t, g.gemm(1))
				}
			}
		}
	})
}

// large are sizes with several blocks in every direction.
var large = []struct{ m, n, k int }{
	{121, 1027, 259}, {257, 131, 515}, {1, 700, 600}, {700, 1, 600}, {3, 150, 700}, {300, 3, 500}, {17, 2100, 33}, {250, 300, 1},
}

func TestGemmLarge(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		rng := newRand()
		for _, s := range large {
			for x := range 4 {
				g := newCase(rng, x&1 != 0, x&2 != 0, s.m, s.n, s.k, 1, float32(x%3)/2)
				one := g.run(t, g.gemm(1))
				for _, threads := range []int{2, 7, 64} {
					c := append([]float32(nil), g.c...)
					g.gemm(threads)(c)
					requireSame(t, g.String(), c, one)
				}
			}
		}
	})
}

// TestGemmSameBits holds the two assembly families to the same results.
func TestGemmSameBits(t *testing.T) {
	best := current
	defer func() { current = best }()
	if best < avx512 {
		t.Skip("needs AVX-512")
	}
	rng := newRand()
	for _, s := range append(large, struct{ m, n, k int }{23, 45, 300}, struct{ m, n, k int }{8, 40, 333}) {
		for x := range 4 {
			g := newCase(rng, x&1 != 0, x&2 != 0, s.m, s.n, s.k, 0.75, float32(x%3)/2)
			current = avx512
			want := g.run(t, g.gemm(1))
			current = avx2
			requireSame(t, g.String(), g.run(t, g.gemm(1)), want)
		}
	}
}

func requireSame(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, then %v", what, i, want[i], got[i])
		}
	}
}

func TestGemmSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachISA(t, func(t *testing.T) {
		rng := newRand()
		for _, m := range []int{1, 2, 13, 40} {
			g := newCase(rng, false, false, m, 37, 50, 1, 0)
			for i := range g.c {
				g.c[i] = nan // not read with beta = 0
			}
			g.a[(m-1)*g.lda+3] = inf
			c := append([]float32(nil), g.c...)
			g.gemm(1)(c)
			for i := range m {
				for j := range g.n {
					if got := float64(c[i*g.ldc+j]); (i == m-1) != math.IsInf(got, 0) || math.IsNaN(got) {
						t.Fatalf("m %d: C[%d,%d] = %v with an infinity in the last row of A", m, i, j, got)
					}
				}
			}
			g.a[(m-1)*g.lda+4] = nan
			g.gemm(1)(c)
			for j := range g.n {
				if got := float64(c[(m-1)*g.ldc+j]); !math.IsNaN(got) {
					t.Fatalf("m %d: C[%d,%d] = %v with a NaN in the last row of A", m, m-1, j, got)
				}
			}
			g.alpha, g.beta = 0, 1
			for i := range c {
				c[i] = 1
			}
			g.gemm(1)(c)
			if c[(m-1)*g.ldc] != 1 {
				t.Fatalf("m %d: alpha = 0 reads A", m)
			}
		}
	})
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 100)
	for name, f := range map[string]func(){
		"A":       func() { Gemm(false, false, 10, 2, 11, 1, x, 11, x, 2, 0, x, 10) },
		"B":       func() { Gemm(false, true, 2, 10, 11, 1, x, 11, x, 11, 0, x, 10) },
		"C":       func() { Gemm(false, false, 10, 10, 2, 1, x, 2, x, 10, 0, x, 11) },
		"ldc":     func() { Gemm(false, false, 2, 10, 2, 1, x, 2, x, 10, 0, x, 9) },
		"inner":   func() { Product(1, 1, Dense(x, 2, 3, 3), Dense(x, 2, 3, 3), 0, x, 3, Epilogue{}) },
		"bias":    func() { Product(1, 1, Dense(x, 2, 3, 3), Dense(x, 3, 3, 3), 0, x, 3, Epilogue{RowBias: x[:3]}) },
		"columns": func() { Product(1, 1, Dense(x, 2, 3, 3), Dense(x, 3, 3, 3), 0, x, 3, Epilogue{ColBias: x[:2]}) },
		"size":    func() { Steps(-1, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
}
