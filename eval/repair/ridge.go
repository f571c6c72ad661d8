package repair

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// correction is a change of a layer's weight and bias: e ≈ δᵀx + shift.
type correction struct {
	delta []float64 // cols by outs
	shift []float64 // outs
	ridge float64   // relative to the mean square of x; +Inf: delta is zero
	error float64   // Σ (e - δᵀx - shift)² over the rows held back
	none  float64   // Σ e² over these: the error of no change
}

// fit finds the correction that leaves the least squared error on the rows held
// back, among those that minimise on the rows of train
//
//	Σ |e - δᵀx - shift|² + ridge·tr(G)/cols·|δ|²,   G = Σ (x-x̄)(x-x̄)ᵀ
//
// over powers of ten of ridge. The correction returned is then fitted to all
// rows, or to train's alone when only is set. Without a bias shift is zero and
// nothing is centred. Cost: one Cholesky factorisation, cols³/3, for each ridge tried.
func fit(train, held *moments, bias, only bool) *correction {
	f := newRidge(train, bias)
	test := held.about(f.cx, f.ce)
	best := &correction{delta: make([]float64, train.cols*train.outs), ridge: math.Inf(1), none: held.ee}
	best.error = test.ee
	try := func(power int) bool {
		ridge := math.Pow(10, float64(power))
		delta := f.solve(ridge)
		if delta == nil {
			return false
		}
		if e := test.residual(delta); e < best.error*(1-1e-6) {
			best.delta, best.ridge, best.error = delta, ridge, e
			return true
		}
		return false
	}
	const middle, least, most = -2, -9, 3
	try(middle)
	down := false
	for p := middle - 1; p >= least && try(p); p-- {
		down = true
	}
	for p := middle + 1; !down && p <= most; p++ {
		if !try(p) && !math.IsInf(best.ridge, 1) {
			break
		}
	}
	if best.none <= best.error { // not even a shift helps
		return &correction{delta: make([]float64, train.cols*train.outs), shift: make([]float64, train.outs), ridge: math.Inf(1), error: best.none, none: best.none}
	}
	if !only {
		f = newRidge(train.plus(held), bias)
		if !math.IsInf(best.ridge, 1) {
			if d := f.solve(best.ridge); d != nil {
				best.delta = d
			}
		}
	}
	best.shift = f.shift(best.delta)
	return best
}

// ridge is a ridge regression about the means.
type ridge struct {
	m      *moments // centred
	cx, ce []float64
	unit   float64
}

func newRidge(m *moments, bias bool) *ridge {
	r := &ridge{m: m}
	if bias && m.n > 0 {
		r.cx, r.ce = make([]float64, m.cols), make([]float64, m.outs)
		for i := range r.cx {
			r.cx[i] = m.x[i] / m.n
		}
		for o := range r.ce {
			r.ce[o] = m.e[o] / m.n
		}
		r.m = m.about(r.cx, r.ce)
	}
	for i := range m.cols {
		r.unit += r.m.gram[i*m.cols+i] / float64(m.cols)
	}
	return r
}

// solve returns δ = (G + ridge·tr(G)/cols)⁻¹·C, nil when G is singular for the ridge.
func (r *ridge) solve(lambda float64) []float64 {
	m := r.m
	g := mat.NewSymDense(m.cols, append([]float64(nil), m.gram...))
	for i := range m.cols {
		g.SetSym(i, i, g.At(i, i)+lambda*r.unit)
	}
	var c mat.Cholesky
	if r.unit <= 0 || !c.Factorize(g) {
		return nil
	}
	out := mat.NewDense(m.cols, m.outs, nil)
	if err := c.SolveTo(out, mat.NewDense(m.cols, m.outs, m.cross)); err != nil {
		if _, conditioned := err.(mat.Condition); !conditioned {
			return nil
		}
	}
	return out.RawMatrix().Data
}

// shift is the bias that goes with δ.
func (r *ridge) shift(delta []float64) []float64 {
	out := make([]float64, r.m.outs)
	for o := range r.ce {
		out[o] = r.ce[o]
		for i := range r.cx {
			out[o] -= r.cx[i] * delta[i*r.m.outs+o]
		}
	}
	return out
}

// residual is Σ |e - δᵀx|², from the moments alone.
func (m *moments) residual(delta []float64) float64 {
	g := blas64.General{Rows: m.cols, Cols: m.cols, Stride: m.cols, Data: m.gram}
	d := blas64.General{Rows: m.cols, Cols: m.outs, Stride: m.outs, Data: delta}
	gd := blas64.General{Rows: m.cols, Cols: m.outs, Stride: m.outs, Data: make([]float64, len(delta))}
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, g, d, 0, gd)
	sum := m.ee
	for i, v := range delta {
		sum += v * (gd.Data[i] - 2*m.cross[i])
	}
	return sum
}
