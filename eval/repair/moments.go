package repair

import "github.com/onnx-rebasin/onnx-rebasin/internal/f32"

// moments sums, over rows, what the normal equations of a linear fit of e by x
// need. Memory: cols² + cols·outs numbers, however many rows there are.
type moments struct {
	cols, outs int
	n          float64
	x, e       []float64 // sums
	gram       []float64 // Σ x·xᵀ, cols by cols
	cross      []float64 // Σ x·eᵀ, cols by outs
	ee         float64   // Σ e·e
}

func newMoments(cols, outs int) *moments {
	return &moments{cols: cols, outs: outs, x: make([]float64, cols), e: make([]float64, outs),
		gram: make([]float64, cols*cols), cross: make([]float64, cols*outs)}
}

// add counts rows: x has rows of ldx numbers, of which the first cols count, and
// e rows of lde. Products of up to 256 rows are summed in float32, all else in
// float64.
func (m *moments) add(threads, rows int, x []float32, ldx int, e []float32, lde int) {
	if rows == 0 {
		return
	}
	xs, es := f32.Dense(x, rows, m.cols, ldx), f32.Dense(e, rows, m.outs, lde)
	f32.ProductAcc64(threads, xs.T(), xs, m.gram, m.cols)
	f32.ProductAcc64(threads, xs.T(), es, m.cross, m.outs)
	for r := range rows {
		for c, v := range x[r*ldx:][:m.cols] {
			m.x[c] += float64(v)
		}
		for o, v := range e[r*lde:][:m.outs] {
			m.e[o] += float64(v)
			m.ee += float64(v) * float64(v)
		}
	}
	m.n += float64(rows)
}

// plus returns the moments of the rows of both.
func (m *moments) plus(o *moments) *moments {
	out := newMoments(m.cols, m.outs)
	out.n, out.ee = m.n+o.n, m.ee+o.ee
	for _, p := range [][3][]float64{{out.x, m.x, o.x}, {out.e, m.e, o.e}, {out.gram, m.gram, o.gram}, {out.cross, m.cross, o.cross}} {
		for i := range p[0] {
			p[0][i] = p[1][i] + p[2][i]
		}
	}
	return out
}

// about returns the moments of x - cx and e - ce; nil stands for zeros.
func (m *moments) about(cx, ce []float64) *moments {
	if cx == nil {
		return m
	}
	out := newMoments(m.cols, m.outs)
	out.n, out.ee = m.n, m.ee
	for o := range ce {
		out.e[o] = m.e[o] - m.n*ce[o]
		out.ee += m.n*ce[o]*ce[o] - 2*ce[o]*m.e[o]
	}
	for i := range cx {
		out.x[i] = m.x[i] - m.n*cx[i]
		for k := range cx {
			out.gram[i*m.cols+k] = m.gram[i*m.cols+k] - cx[i]*m.x[k] - m.x[i]*cx[k] + m.n*cx[i]*cx[k]
		}
		for o := range ce {
			out.cross[i*m.outs+o] = m.cross[i*m.outs+o] - cx[i]*m.e[o] - m.x[i]*ce[o] + m.n*cx[i]*ce[o]
		}
	}
	return out
}
