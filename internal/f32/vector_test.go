package f32

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// lengths are those around the kernels' rounds, and a long one.
func lengths() []int {
	n := []int{511, 1000}
	for i := range 70 {
		n = append(n, i)
	}
	return n
}

// TestElementwise compares the vector operations with their definitions, bit for bit, and on any alignment.
func TestElementwise(t *testing.T) {
	rng := newRand()
	ops := []struct {
		name string
		run  func(dst, a, b []float32)
		want func(a, b float32) float32
	}{
		{"Add", Add, func(a, b float32) float32 { return a + b }},
		{"Sub", Sub, func(a, b float32) float32 { return a - b }},
		{"Mul", Mul, func(a, b float32) float32 { return a * b }},
		{"Div", Div, func(a, b float32) float32 { return a / b }},
		{"Greater", Greater, func(a, b float32) float32 { return max(a, b) }},
		{"Relu", func(dst, a, _ []float32) { Relu(dst, a) }, func(a, _ float32) float32 {
			if a < 0 {
				return 0
			}
			return a
		}},
		{"Affine", func(dst, a, _ []float32) { Affine(dst, a, 3, -0.5) }, func(a, _ float32) float32 { return float32(3*a) - 0.5 }},
		{"Scale", func(dst, a, _ []float32) { copy(dst, a); Scale(dst, 0.3) }, func(a, _ float32) float32 { return 0.3 * a }},
	}
	for _, n := range lengths() {
		a, b := noise(rng, n), noise(rng, n)
		for i := 0; i < n; i += 5 {
			a[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, minusZero}[i%25/5]
		}
		for _, op := range ops {
			want := make([]float32, n)
			for i := range want {
				want[i] = op.want(a[i], b[i])
			}
			withISA(func(s isa) {
				dst := make([]float32, n)
				op.run(dst, a, b)
				requireAlike(t, fmt.Sprintf("%v %s of %d", s, op.name, n), dst, want)
				in := slices.Clone(a)
				op.run(in, in, b)
				requireAlike(t, fmt.Sprintf("%v %s of %d in place", s, op.name, n), in, want)
			})
		}
	}
}

func TestGreaterOfPairs(t *testing.T) {
	rng := newRand()
	for _, n := range lengths() {
		x, want := noise(rng, 2*n), make([]float32, n)
		for i := range want {
			if i%5 < 2 {
				x[2*i+i%5] = float32(math.NaN())
			}
			want[i] = max(x[2*i], x[2*i+1])
		}
		withISA(func(s isa) {
			dst := make([]float32, n)
			GreaterOfPairs(dst, x)
			requireAlike(t, fmt.Sprintf("%v: pairs of %d", s, 2*n), dst, want)
		})
	}
}

// requireAlike is requireSame but for the bits of a NaN.
func requireAlike(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) && !(w != w && got[i] != got[i]) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], w)
		}
	}
}

func TestAxpy(t *testing.T) {
	rng := newRand()
	for _, n := range lengths() {
		x, y := noise(rng, n), noise(rng, n)
		withISA(func(s isa) {
			got := slices.Clone(y)
			Axpy(got, 1.7, x)
			for i := range y {
				want := float64(y[i]) + float64(float32(1.7))*float64(x[i])
				if math.Abs(float64(got[i])-want) > 3e-7*(math.Abs(want)+1) {
					t.Fatalf("%v: element %d of %d is %v, want %v", s, i, n, got[i], want)
				}
			}
		})
	}
}

// TestReductions compares with plain sums and holds all kernels to the same bits.
func TestReductions(t *testing.T) {
	rng := newRand()
	for _, n := range lengths() {
		x, y := noise(rng, n), noise(rng, n)
		var dot, dist, sum, size float64
		most := minusInf
		for i := range x {
			dot += float64(x[i]) * float64(y[i])
			d := float64(x[i]) - float64(y[i])
			dist += d * d
			sum += float64(x[i])
			size += 1 + math.Abs(float64(x[i])*float64(y[i])) + d*d
			most = max(most, x[i])
		}
		var before [3]float64
		withISA(func(s isa) {
			got := [3]float64{Dot(x, y), SquaredDistance(x, y), Sum(x)}
			for i, want := range []float64{dot, dist, sum} {
				if math.Abs(got[i]-want) > 1e-14*size {
					t.Fatalf("%v: reduction %d of %d elements is %v, want %v", s, i, n, got[i], want)
				}
			}
			if s > portable && got != before {
				t.Fatalf("%v: reductions of %d elements are %v, then %v", s, n, before, got)
			}
			before = got
			if got := Max(x); got != most {
				t.Fatalf("%v: maximum of %d elements is %v, want %v", s, n, got, most)
			}
		})
	}
}

func TestMaxNaN(t *testing.T) {
	withISA(func(s isa) {
		for n := 1; n < 40; n++ {
			for i := range n {
				x := make([]float32, n)
				x[(i+7)%n] = float32(math.Inf(1))
				x[i] = float32(math.NaN())
				if got := Max(x); got == got {
					t.Fatalf("%v: maximum of %d elements is %v with a NaN at %d", s, n, got, i)
				}
			}
		}
	})
}
