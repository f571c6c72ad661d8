package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// anyAxis makes an axis of n slots of one of the kinds that packing tells apart: contiguous, strided, backwards, in
// runs, scattered. It returns how far it reaches; offsets are not negative.
func anyAxis(rng *rand.Rand, n, unit int) (Axis, int) {
	table := make([]int, n)
	switch rng.IntN(5) {
	case 0:
		return Steps(n, unit), (n-1)*unit + 1
	case 1:
		return Steps(n, 3*unit), (n-1)*3*unit + 1
	case 2: // backwards
		for i := range table {
			table[i] = (n - 1 - i) * unit
		}
	case 3: // in runs, like the windows of a convolution
		run := 1 + rng.IntN(40)
		for i := range table {
			table[i] = (i + i/run*3) * unit
		}
	default:
		for i := range table {
			table[i] = rng.IntN(2*n) * unit
		}
	}
	return Offsets(table), slices.Max(table) + 1
}

// anyView makes a rows by cols View with one of its axes, at random, the faster one.
func anyView(rng *rand.Rand, rows, cols int) View {
	if rng.IntN(2) == 0 {
		return anyView2(rng, cols, rows).T()
	}
	return anyView2(rng, rows, cols)
}

func anyView2(rng *rand.Rand, rows, cols int) View {
	x, reach := anyAxis(rng, cols, 1)
	y, length := anyAxis(rng, rows, reach)
	return View{Data: noise(rng, length-1+reach), Rows: y, Cols: x}
}

func TestProductViews(t *testing.T) {
	rng := newRand()
	for range 150 {
		m, n, k := 1+rng.IntN(140), 1+rng.IntN(100), 1+rng.IntN(80)
		if rng.IntN(8) == 0 {
			k = 250 + rng.IntN(300)
		}
		a, b := anyView(rng, m, k), anyView(rng, k, n)
		what := fmt.Sprintf("%d by %d by %d", m, n, k)
		want, size := reference(a, b)
		var before []float32
		withISA(func(s isa) {
			c := make([]float32, m*n)
			Product(1, 1, a, b, 0, c, n, Epilogue{})
			requireNear(t, what, c, n, n, want, size)
			packed := make([]float32, m*n)
			ProductPacked(3, 1, a, Pack(b), 0, packed, n, Epilogue{})
			requireNear(t, what+" packed", packed, n, n, want, size)
			if s == avx512 {
				requireSame(t, what, packed, before)
			}
			before = packed
			checkAcc(t, what, ProductAcc, a, b, want, size)
			checkAcc(t, what, ProductAcc64, a, b, want, size)
		})
	}
}

// TestProductPieces holds a product in pieces to the bits of the one in whole rows, and what lies between to itself.
func TestProductPieces(t *testing.T) {
	rng := newRand()
	for range 60 {
		m, n, k := 1+rng.IntN(30), 1+rng.IntN(200), 1+rng.IntN(300)
		a, b := anyView(rng, m, k), anyView(rng, k, n)
		size := 1 + rng.IntN(70)
		p := Pieces{Len: size, Step: m*size + rng.IntN(5)}
		then := Epilogue{RowBias: noise(rng, m), ColBias: noise(rng, n), Relu: rng.IntN(2) == 0}
		beta := float32(rng.IntN(3)) / 2
		before := noise(rng, p.at(n-1)+(m-1)*size+1)
		withISA(func(s isa) {
			g := product{isa: s, a: a, b: b}
			g.m, g.n, g.k = m, n, k
			if way, _ := g.thinness(); way != notThin {
				return // summed in another order
			}
			whole, got, want := make([]float32, m*n), slices.Clone(before), slices.Clone(before)
			for i := range m {
				for j := range n {
					whole[i*n+j] = before[i*size+p.at(j)]
				}
			}
			Product(1, 1, a, b, beta, whole, n, then)
			for i := range m {
				for j := range n {
					want[i*size+p.at(j)] = whole[i*n+j]
				}
			}
			ProductPieces(1+rng.IntN(3), 1, a, b, beta, got, size, p, then)
			requireSame(t, fmt.Sprintf("%v: %d by %d by %d in pieces of %d", s, m, n, k, size), got, want)
		})
	}
}

func checkAcc[F float32 | float64](t *testing.T, what string, product func(threads int, a, b View, c []F, ldc int), a, b View, want, size []float64) {
	t.Helper()
	const before = 1.0 / 1024
	n := b.Cols.Len()
	c := make([]F, a.Rows.Len()*(n+2))
	for i := range c {
		c[i] = before
	}
	product(2, a, b, c, n+2)
	for i := range c {
		y, x := i/(n+2), i%(n+2)
		if x >= n {
			if c[i] != before {
				t.Fatalf("%s: %T wrote element %d, between two rows", what, c, i)
			}
			continue
		}
		if got := float64(c[i]) - before; !(math.Abs(got-want[y*n+x]) <= 1e-6*(before+size[y*n+x])) {
			t.Fatalf("%s: sum %d,%d in %T is %v, want %v", what, y, x, c, got, want[y*n+x])
		}
	}
}

// TestAcc64 shows what the float64 matrix is for: many small terms after a large one.
func TestAcc64(t *testing.T) {
	const k = 1 << 16
	x := make([]float32, k)
	for i := range x {
		x[i] = 1.0 / 256
	}
	x[0] = 4096
	withISA(func(s isa) {
		var c [1]float64
		ProductAcc64(1, Dense(x, 1, k, k), Dense(x, k, 1, 1), c[:], 1)
		if want := 4096*4096 + (k-1)/65536.0; math.Abs(c[0]-want) > 0.01 {
			t.Errorf("%v: sum is %v, want %v", s, c[0], want)
		}
	})
}

func TestEpilogue(t *testing.T) {
	rng := newRand()
	for _, s := range []struct{ m, n, k int }{{1, 300, 40}, {5, 7, 3}, {40, 33, 600}, {130, 1100, 5}, {300, 2, 64}, {6, 9, 0}} {
		a, b, old := noise(rng, s.m*s.k), noise(rng, s.k*s.n), noise(rng, s.m*s.n)
		rows, cols := noise(rng, s.m), noise(rng, s.n)
		for kind := range 8 {
			var then Epilogue
			if kind&1 != 0 {
				then.RowBias = rows
			}
			if kind&2 != 0 {
				then.ColBias = cols
			}
			then.Relu = kind&4 != 0
			withISA(func(isa) {
				want := slices.Clone(old)
				Gemm(false, false, s.m, s.n, s.k, 1, a, s.k, b, s.n, 0.5, want, s.n)
				for i, x := range want {
					if then.ColBias != nil {
						x += cols[i%s.n]
					}
					if then.RowBias != nil {
						x += rows[i/s.n]
					}
					if then.Relu {
						x = max(x, 0)
					}
					want[i] = x
				}
				got := slices.Clone(old)
				Product(2, 1, Dense(a, s.m, s.k, s.k), Dense(b, s.k, s.n, s.n), 0.5, got, s.n, then)
				requireSame(t, fmt.Sprint(s, kind), got, want)
			})
		}
	}
}

func TestPackedOutlivesSwitch(t *testing.T) {
	rng := newRand()
	a, b := noise(rng, 5*40), noise(rng, 40*50)
	packed := map[isa]*Packed{}
	withISA(func(s isa) { packed[s] = PackB(false, 40, 50, b, 50) })
	want, size := reference(Dense(a, 5, 40, 40), Dense(b, 40, 50, 50))
	for _, p := range packed {
		c := make([]float32, 5*50)
		GemmPacked(1, 5, a, 40, p, 0, c, 50, Epilogue{})
		requireNear(t, "packed", c, 50, 50, want, size)
	}
}

func TestNoAllocations(t *testing.T) {
	if raced {
		t.Skip("pools forget under the race detector")
	}
	x := make([]float32, 100*100)
	c := make([]float32, 100*100)
	b := PackB(false, 100, 100, x, 100)
	for name, f := range map[string]func(){
		"Gemm":   func() { Gemm(false, true, 100, 100, 100, 1, x, 100, x, 100, 0, c, 100) },
		"thin":   func() { Gemm(false, true, 2, 100, 100, 1, x, 100, x, 100, 0, c, 100) },
		"packed": func() { GemmPacked(1, 100, x, 100, b, 0, c, 100, Epilogue{Relu: true}) },
	} {
		if n := testing.AllocsPerRun(50, f); n >= 1 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
