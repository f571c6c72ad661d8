package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gemmCase is one call of ParGemm and what it must give: every element of C and, for the error it may have, the sum
// of the sizes of its terms.
type gemmCase struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	a, b, c        []float32
	lda, ldb, ldc  int
	want, size     []float64
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
	g.want, g.size = reference(g.viewA(), g.viewB())
	for i := range g.want {
		old := 0.0
		if beta != 0 {
			old = float64(beta) * float64(g.c[i/n*g.ldc+i%n])
		}
		g.want[i] = float64(alpha)*g.want[i] + old
		g.size[i] = math.Abs(float64(alpha))*g.size[i] + math.Abs(old)
	}
	return g
}

func (g *gemmCase) viewA() View { return operand(g.transA, g.m, g.k, g.a, g.lda) }
func (g *gemmCase) viewB() View { return operand(g.transB, g.k, g.n, g.b, g.ldb) }

// reference returns A·B and |A|·|B|.
func reference(a, b View) (want, size []float64) {
	x, y := dense64(a), dense64(b.T())
	m, n, k := a.Rows.Len(), b.Cols.Len(), a.Cols.Len()
	want, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			sum, abs := 0.0, 0.0
			row := y[j*k:][:k]
			for p, u := range x[i*k:][:k] {
				sum += u * row[p]
				abs += math.Abs(u * row[p])
			}
			want[i*n+j], size[i*n+j] = sum, abs
		}
	}
	return want, size
}

func dense64(v View) []float64 {
	var x []float64
	for i := range v.Rows.Len() {
		for j := range v.Cols.Len() {
			x = append(x, float64(v.Data[v.Rows.At(i)+v.Cols.At(j)]))
		}
	}
	return x
}

func (g *gemmCase) String() string {
	return fmt.Sprintf("%v: transA %v transB %v m %d n %d k %d alpha %v beta %v",
		current, g.transA, g.transB, g.m, g.n, g.k, g.alpha, g.beta)
}

// run returns C as ParGemm leaves it.
func (g *gemmCase) run(threads int) []float32 {
	c := append(make([]float32, 1), g.c...)[1:]
	ParGemm(threads, g.transA, g.transB, g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b, g.ldb, g.beta, c, g.ldc)
	return c
}

// check runs the case with all kernels and compares each with the reference, and AVX-512 with AVX2 bit for bit.
func (g *gemmCase) check(t *testing.T) {
	t.Helper()
	var before []float32
	withISA(func(s isa) {
		c := g.run(1)
		requireNear(t, g.String(), c, g.n, g.ldc, g.want, g.size)
		for i := range c {
			if i%g.ldc >= g.n && c[i] != g.c[i] {
				t.Fatalf("%v: wrote element %d, between two rows", g, i)
			}
		}
		if s == avx512 {
			requireSame(t, g.String(), c, before)
		}
		before = c
	})
}

// requireNear compares each sum with the exact one, to about the rounding error of its terms.
func requireNear(t *testing.T, what string, c []float32, n, ldc int, want, size []float64) {
	t.Helper()
	for i := range want {
		got := float64(c[i/n*ldc+i%n])
		if !(math.Abs(got-want[i]) <= 1e-6*size[i]) {
			t.Fatalf("%s: element %d,%d is %v, want %v", what, i/n, i%n, got, want[i])
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

// edges are the sizes around the kernels' blocks.
var edges = []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 20, 23, 31, 32, 33, 47, 48, 63, 64, 65, 70}

func TestGemmEdges(t *testing.T) {
	rng := newRand()
	alphas, betas := []float32{1, 1, -0.5}, []float32{0, 1, 0.25}
	for _, m := range edges {
		for _, n := range edges {
			for _, k := range []int{0, 1, 2, 9, 33, 64} {
				if rng.IntN(6) == 0 {
					x := rng.IntN(4)
					newCase(rng, x&1 != 0, x&2 != 0, m, n, k, alphas[rng.IntN(3)], betas[rng.IntN(3)]).check(t)
				}
			}
		}
	}
}

// large are sizes of several blocks in one direction or more.
var large = []struct{ m, n, k int }{
	{25, 1027, 259}, {125, 131, 515}, {1, 701, 600}, {701, 1, 600}, {3, 150, 700}, {300, 3, 500}, {17, 2100, 33}, {250, 300, 1},
}

func TestGemmLarge(t *testing.T) {
	rng := newRand()
	for _, s := range large {
		for x := range 4 {
			newCase(rng, x&1 != 0, x&2 != 0, s.m, s.n, s.k, 1, float32(x%3)/2).check(t)
		}
	}
}

// TestThreads holds a product to the same bits on any number of threads.
func TestThreads(t *testing.T) {
	rng := newRand()
	for _, s := range []struct{ m, n, k int }{{61, 1100, 300}, {200, 70, 520}, {1, 3000, 700}, {3000, 2, 700}} {
		g := newCase(rng, false, s.m == 1, s.m, s.n, s.k, 1, 0.5)
		withISA(func(isa) {
			one := g.run(1)
			for _, threads := range []int{2, 3, 64} {
				requireSame(t, g.String(), g.run(threads), one)
			}
		})
	}
}

func TestGemmSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	rng := newRand()
	for _, m := range []int{1, 2, 13, 40} {
		for _, transB := range []bool{false, true} {
			withISA(func(isa) { checkSpecials(t, newCase(rng, false, transB, m, 37, 50, 1, 0), nan, inf) })
		}
	}
}

// checkSpecials spoils the last row of A and the old values of C.
func checkSpecials(t *testing.T, g *gemmCase, nan, inf float32) {
	for i := range g.c {
		g.c[i] = nan // not read with beta = 0
	}
	last := (g.m - 1) * g.lda
	g.a[last+3] = inf
	c := g.run(1)
	for i := range g.m * g.n {
		if x := float64(c[i/g.n*g.ldc+i%g.n]); math.IsInf(x, 0) != (i/g.n == g.m-1) || math.IsNaN(x) {
			t.Fatalf("%v: C[%d,%d] is %v with an infinity in the last row of A", g, i/g.n, i%g.n, x)
		}
	}
	g.a[last+4] = nan
	c = g.run(1)
	for i := range g.m * g.n {
		if x := float64(c[i/g.n*g.ldc+i%g.n]); math.IsNaN(x) != (i/g.n == g.m-1) {
			t.Fatalf("%v: C[%d,%d] is %v with a NaN in the last row of A", g, i/g.n, i%g.n, x)
		}
	}
	g.alpha, g.beta = 0, 1 // A is not read
	g.c[0] = 1
	if c = g.run(1); c[0] != 1 {
		t.Fatalf("%v: C[0,0] is %v, want 1", g, c[0])
	}
}

func TestPanics(t *testing.T) {
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
