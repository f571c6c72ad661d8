package grad

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// products is the table of the matrix products.
var products = rules{"Gemm": gemmRule, "MatMul": matMul}

// matrix is the view of a row-major rows by cols matrix, or of the transpose of
// what is stored.
func matrix(data []float32, rows, cols int, trans bool) f32.View {
	if trans {
		return f32.Dense(data, cols, rows, rows).T()
	}
	return f32.Dense(data, rows, cols, cols)
}

// back adds the gradients by both factors of op(A)·op(B), m by k and k by n, to
// da and db, which are laid out as the factors and nil where nobody asks:
//
//	d op(A) = alpha·dY·op(B)ᵀ,  d op(B) = alpha·op(A)ᵀ·dY
func back(threads int, alpha float32, m, n, k int, a []float32, transA bool, b []float32, transB bool, up, da, db []float32) {
	dy := f32.Dense(up, m, n, n)
	if da != nil {
		addProduct(threads, alpha, dy, matrix(b, k, n, transB).T(), da, transA)
	}
	if db != nil {
		addProduct(threads, alpha, matrix(a, m, k, transA).T(), dy, db, transB)
	}
}

// addProduct adds alpha·X·Y to a row-major matrix or, when trans is set, to the
// transpose of what is stored.
func addProduct(threads int, alpha float32, x, y f32.View, to []float32, trans bool) {
	if trans {
		x, y = y.T(), x.T()
	}
	f32.Product(threads, alpha, x, y, 1, to, y.Cols.Len(), f32.Epilogue{})
}

func gemmRule(c *Call) error {
	transA, transB := c.Node.Flag("transA"), c.Node.Flag("transB")
	m, n := c.Out[0].Shape[0], c.Out[0].Shape[1]
	k := c.In[0].Shape[1]
	if transA {
		k = c.In[0].Shape[0]
	}
	back(c.Threads, c.Node.Float("alpha", 1), m, n, k, c.x(0), transA, c.x(1), transB, c.Up[0], c.Down[0], c.Down[1])
	if c.wants(2) {
		up := slices.Clone(c.Up[0])
		f32.Scale(up, c.Node.Float("beta", 1))
		gather(c.Down[2], c.In[2].Shape, up, c.Out[0].Shape)
	}
	return nil
}

// matMul is the rule of MatMul and FusedMatMul, whose axes before the last two
// are those of a batch, and broadcast.
func matMul(c *Call) error {
	transA, transB := c.Node.Flag("transA"), c.Node.Flag("transB")
	a, b := slices.Clone(c.In[0].Shape), slices.Clone(c.In[1].Shape)
	if len(a) == 1 {
		a = []int{1, a[0]}
	}
	if len(b) == 1 {
		b = append(b, 1)
	}
	m, k, n := a[len(a)-2], a[len(a)-1], b[len(b)-1]
	if transA {
		m, k = k, m
	}
	if transB {
		n = b[len(b)-2]
	}
	alpha, x, y, up := c.Node.Float("alpha", 1), c.x(0), c.x(1), c.Up[0]
	a, b = a[:len(a)-2], b[:len(b)-2]
	if size(b) == 1 && !transA {
		back(c.Threads, alpha, size(a)*m, n, k, x, false, y, transB, up, c.Down[0], c.Down[1])
		return nil
	}
	offA, offB := batches(a, b)
	one := func(threads, i int) {
		part := func(d []float32, at, n int) []float32 {
			if d == nil {
				return nil
			}
			return d[at*n:][:n]
		}
		back(threads, alpha, m, n, k, x[offA[i]*m*k:], transA, y[offB[i]*k*n:], transB, up[i*m*n:], part(c.Down[0], offA[i], m*k), part(c.Down[1], offB[i], k*n))
	}
	if len(offA) != size(a) || len(offB) != size(b) { // some matrix gets several gradients
		for i := range offA {
			one(c.Threads, i)
		}
		return nil
	}
	c.parallel(len(offA), m*n*k/8, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			one(1, i)
		}
	})
	return nil
}

// batches lists, for every matrix of a product's result, which of each factor's
// matrices it comes from.
func batches(a, b []int) (offA, offB []int) {
	shape := make([]int, max(len(a), len(b)))
	for i := range shape {
		shape[i] = 1
		for _, s := range [][]int{a, b} {
			if at := i - (len(shape) - len(s)); at >= 0 && s[at] != 1 {
				shape[i] = s[at]
			}
		}
	}
	list := func(s []int) []int {
		out := make([]int, size(shape))
		stretchWalk(s, shape, func(row, n, at int, still bool) {
			for i := range n {
				out[row+i] = at
				if !still {
					out[row+i] += i
				}
			}
		})
		return out
	}
	return list(a), list(b)
}
