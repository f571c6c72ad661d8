package solver

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// rotation is a random orthogonal matrix.
func rotation(n int, rng *rand.Rand) *mat.Dense {
	m := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(m)
	var q mat.Dense
	qr.QTo(&q)
	return &q
}

// strandsOf makes places of n slots that b has as a has them.
func strandsOf(n int, powers []int, rng *rand.Rand) []strand {
	var list []strand
	for _, p := range powers {
		t := strand{a: make([]float64, n), b: make([]float64, n), stride: 1, power: p}
		for i := range n {
			t.a[i] = rng.NormFloat64()
			t.b[i] = t.a[i]
		}
		list = append(list, t)
	}
	return list
}

func gap(list []strand) float64 {
	most := 0.0
	for _, t := range list {
		for i, x := range t.a {
			most = math.Max(most, math.Abs(x-t.b[i]))
		}
	}
	return most
}

// A planted rotation of the slots is undone.
func TestTurn(t *testing.T) {
	const n = 5
	rng := rand.New(rand.NewPCG(1, 1))
	list := strandsOf(n, []int{1, 1, 1, 1, 1, 1, 1, 1}, rng)
	r := rotation(n, rng)
	for _, s := range list {
		var turned mat.VecDense
		turned.MulVec(r, mat.NewVecDense(n, append([]float64(nil), s.b...)))
		copy(s.b, turned.RawVector().Data)
	}
	if g := gap(list); g < 0.1 {
		t.Fatalf("nothing was planted: %v", g)
	}
	turn(list, n)
	if g := gap(list); g > 1e-9 {
		t.Errorf("difference of %v is left", g)
	}
}

// A planted scale is undone, and a slot that is only made stays as it is.
func TestBalance(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	list := strandsOf(3, []int{1, 1, -1}, rng)
	for i, s := range []float64{0.3, 7, 1} {
		list[0].b[i] *= s
		list[1].b[i] *= s
		list[2].b[i] /= s
	}
	for i := range 3 {
		balance(list, i)
	}
	if g := gap(list); g > 1e-9 {
		t.Errorf("difference of %v is left", g)
	}
	made := strandsOf(1, []int{1}, rng)
	made[0].b[0] = 3
	if balance(made, 0); made[0].b[0] != 3 {
		t.Errorf("a slot that nothing reads became %v", made[0].b[0])
	}
}
