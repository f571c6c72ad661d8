package f32

import (
	"math"
	"testing"
)

var curves = []struct {
	name string
	run  func(dst, x []float32)
	want func(x float64) float64
}{
	{"Exp", Exp, math.Exp},
	{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
	{"Tanh", Tanh, math.Tanh},
	{"Erf", Erf, math.Erf},
}

// probes are numbers of all sizes and signs, dense between -110 and 110.
func probes() []float32 {
	var x []float32
	for e := -149; e < 128; e++ {
		for m := 1.0; m < 2; m += 0.13 {
			v := float32(math.Ldexp(m, e))
			x = append(x, v, -v)
		}
	}
	for v := -110.0; v < 110; v += 0.00171 {
		x = append(x, float32(v))
	}
	for v := -5.0; v < 5; v += 0.0000931 {
		x = append(x, float32(v))
	}
	inf := float32(math.Inf(1))
	return append(x, 0, inf, -inf, 0.625, 0.92, 3.95, 88.72283, 88.72284, -103.97, -87.33655)
}

func TestCurves(t *testing.T) {
	x := probes()
	for _, f := range curves {
		withISA(func(s isa) {
			got := make([]float32, len(x))
			f.run(got, x)
			worst, at := 0.0, float32(0)
			for i, v := range x {
				want := f.want(float64(v))
				if float64(got[i]) == float64(float32(want)) {
					continue
				}
				e := math.Abs(float64(got[i])-want) / max(math.Abs(want), 0x1p-126) // absolute below the normal range
				if !(e <= worst) {
					worst, at = e, v
				}
			}
			t.Logf("%v: %s is wrong by %.3g at most, at %v", s, f.name, worst, at)
			if !(worst < 3e-7) {
				t.Errorf("%v: %s(%v) is wrong by %.3g", s, f.name, at, worst)
			}
		})
	}
}

// TestCurvesAnywhere holds an element to the same result wherever it stands, and NaN to itself.
func TestCurvesAnywhere(t *testing.T) {
	rng := newRand()
	for _, f := range curves {
		withISA(func(s isa) {
			for n := range 40 {
				x := noise(rng, n)
				if n > 0 {
					x[rng.IntN(n)] = float32(math.NaN())
				}
				got := make([]float32, n)
				f.run(got, x)
				one := make([]float32, 1)
				for i := range x {
					f.run(one, x[i:i+1])
					requireAlike(t, f.name, got[i:i+1], one)
					if (x[i] != x[i]) != (got[i] != got[i]) {
						t.Fatalf("%v: %s(%v) is %v", s, f.name, x[i], got[i])
					}
				}
				f.run(x, x)
				requireAlike(t, f.name+" in place", x, got)
			}
		})
	}
}

func TestGates(t *testing.T) {
	rng := newRand()
	gates := []struct {
		name string
		run  func(dst, x []float32)
		want func(x float64) float64
	}{
		{"Gelu", Gelu, func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }},
		{"GeluTanh", GeluTanh, func(x float64) float64 {
			return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
		}},
		{"Swish", func(dst, x []float32) { Swish(dst, x, 1.7) }, func(x float64) float64 { return x / (1 + math.Exp(-1.7*x)) }},
		{"LeakyRelu", func(dst, x []float32) { LeakyRelu(dst, x, 0.1) }, func(x float64) float64 { return max(x, 0.1*x) }},
	}
	for _, f := range gates {
		withISA(func(s isa) {
			for _, n := range []int{0, 1, 5, 64, 777} {
				x, got := noise(rng, n), make([]float32, n)
				Scale(x, 20)
				f.run(got, x)
				for i, v := range x {
					if want := f.want(float64(v)); math.Abs(float64(got[i])-want) > 1e-6*math.Abs(float64(v)) {
						t.Fatalf("%v: %s(%v) is %v, want %v", s, f.name, v, got[i], want)
					}
				}
			}
		})
	}
}

func TestSoftmax(t *testing.T) {
	rng := newRand()
	withISA(func(s isa) {
		for _, n := range []int{1, 5, 64, 777} {
			x := noise(rng, n)
			Scale(x, 20)
			p := make([]float32, n)
			Softmax(p, x)
			most, sum := float64(Max(x)), 0.0
			for _, v := range x {
				sum += math.Exp(float64(v) - most)
			}
			for i, v := range x {
				want := math.Exp(float64(v)-most) / sum
				if math.Abs(float64(p[i])-want) > want*(5e-7+6e-8*(most-float64(v)))+1e-38 {
					t.Fatalf("%v: softmax of %v is %v, want %v", s, v, p[i], want)
				}
			}
		}
	})
}
