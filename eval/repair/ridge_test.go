package repair

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// rowsOf draws rows of x and of e = wᵀx + shift + noise.
func rowsOf(rng *rand.Rand, rows, cols, outs int, noise float64) (x, e []float32) {
	w := make([]float64, cols*outs)
	for i := range w {
		w[i] = rng.NormFloat64()
	}
	for range rows {
		row := make([]float64, cols)
		for c := range row {
			row[c] = 1 + rng.NormFloat64()
			x = append(x, float32(row[c]))
		}
		for o := range outs {
			sum := 0.5
			for c := range row {
				sum += w[c*outs+o] * row[c]
			}
			e = append(e, float32(sum+noise*rng.NormFloat64()))
		}
	}
	return x, e
}

// TestNormalEquations compares the streamed fit with a least-squares solution of
// all rows at once, the ridge written as further rows.
func TestNormalEquations(t *testing.T) {
	const rows, cols, outs, ridge = 700, 12, 5, 0.01
	rng := rand.New(rand.NewPCG(3, 4))
	x, e := rowsOf(rng, rows, cols, outs, 0.3)
	m := newMoments(cols, outs)
	for at := 0; at < rows; at += 90 { // in pieces of any size
		n := min(90, rows-at)
		m.add(1, n, x[at*cols:], cols, e[at*outs:], outs)
	}
	r := newRidge(m, true)
	got := r.solve(ridge)
	shift := r.shift(got)

	// With a column of ones, which bears no ridge, for the shift.
	root := math.Sqrt(ridge * r.unit)
	a, b := mat.NewDense(rows+cols, cols+1, nil), mat.NewDense(rows+cols, outs, nil)
	for i := range rows {
		for c := range cols {
			a.Set(i, c, float64(x[i*cols+c]))
		}
		a.Set(i, cols, 1)
		for o := range outs {
			b.Set(i, o, float64(e[i*outs+o]))
		}
	}
	for c := range cols {
		a.Set(rows+c, c, root)
	}
	var want mat.Dense
	if err := want.Solve(a, b); err != nil {
		t.Fatal(err)
	}
	for o := range outs {
		for c := range cols {
			if d := math.Abs(got[c*outs+o] - want.At(c, o)); d > 1e-5 {
				t.Fatalf("weight %d of output %d is %v, want %v", c, o, got[c*outs+o], want.At(c, o))
			}
		}
		if d := math.Abs(shift[o] - want.At(cols, o)); d > 1e-5 {
			t.Fatalf("shift of output %d is %v, want %v", o, shift[o], want.At(cols, o))
		}
	}

	direct := 0.0
	for i := range rows {
		for o := range outs {
			d := float64(e[i*outs+o])
			for c := range cols {
				d -= got[c*outs+o] * float64(x[i*cols+c])
			}
			direct += d * d
		}
	}
	if sum := m.residual(got); math.Abs(sum-direct) > 1e-5*direct {
		t.Errorf("the moments give a residual of %v, the rows %v", sum, direct)
	}
}

// TestFitKeepsAway: what cannot be learned is left alone, what can is found.
func TestFitKeepsAway(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	moments := func(noise float64, planted bool) (*moments, *moments) {
		x, e := rowsOf(rng, 300, 40, 3, 0.1)
		if !planted {
			for i := range e {
				e[i] = float32(noise * rng.NormFloat64())
			}
		}
		a, b := newMoments(40, 3), newMoments(40, 3)
		a.add(1, 60, x, 40, e, 3)
		b.add(1, 240, x[60*40:], 40, e[60*3:], 3)
		return a, b
	}
	for range 5 {
		train, held := moments(1, false)
		c := fit(train, held, false, true)
		if c.error > c.none {
			t.Errorf("noise was fitted: held-back error %v, %v without", c.error, c.none)
		}
		train, held = moments(0, true)
		if c := fit(train, held, true, true); c.error > 0.02*c.none {
			t.Errorf("a linear function was not found: held-back error %v of %v", c.error, c.none)
		}
	}
}
