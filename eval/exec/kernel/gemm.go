package kernel

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// products is the table of the matrix products.
var products = ops{
	"Gemm":      compute(prepareGemm),
	"FusedGemm": compute(prepareGemm),
	"MatMul":    compute(prepareMatMul),

	"FusedMatMul": compute(prepareMatMul),
}

// product64 computes c = alpha·op(a)·op(b) + beta·c in float64, row-major.
func product64(transA, transB bool, m, n, k int, alpha float64, a, b []float64, beta float64, c []float64) {
	if m == 0 || n == 0 {
		return
	}
	lda, ldb := max(1, k), max(1, n)
	ta, tb := blas.NoTrans, blas.NoTrans
	if transA {
		ta, lda = blas.Trans, max(1, m)
	}
	if transB {
		tb, ldb = blas.Trans, max(1, k)
	}
	gonum.Implementation{}.Dgemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, n)
}

// gemm is a prepared Gemm: y = alpha·op(a)·op(b) + beta·c.
type gemm struct {
	transA, transB bool
	alpha, beta    float32
	packed         *f32.Packed // op(b), if constant
	bias           []float32   // beta·c as a row, if constant and one
	after          finish
}

func prepareGemm(n *Node) (Kernel, error) {
	g := &gemm{
		transA: n.Flag("transA"), transB: n.Flag("transB"),
		alpha: n.Float("alpha", 1), beta: n.Float("beta", 1),
	}
	var err error
	if g.after, err = finishOf(n); err != nil {
		return nil, err
	}
	if b := n.Constant(1); b != nil && len(b.Shape) == 2 {
		if v, ok := b.Data.([]float32); ok {
			k, cols := b.Shape[0], b.Shape[1]
			if g.transB {
				k, cols = cols, k
			}
			g.packed = f32.PackB(g.transB, k, cols, v, b.Shape[1])
			g.bias = rowBias(n.Constant(2), cols, g.beta)
		}
	}
	return g.run, nil
}

// rowBias returns a constant that is added to every row of n columns, times
// beta; nil if t is not that.
func rowBias(t *Tensor, n int, beta float32) []float32 {
	if t == nil || size(t.Shape) != n || n > 1 && t.Shape[len(t.Shape)-1] != n {
		return nil
	}
	v, ok := t.Data.([]float32)
	if !ok {
		return nil
	}
	out := make([]float32, n)
	for i, x := range v {
		out[i] = beta * x
	}
	return out
}

func (g *gemm) run(c *Call) error {
	a, b := c.In[0], c.In[1]
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return fmt.Errorf("cannot multiply %v by %v", a.Shape, b.Shape)
	}
	m, k, kb, n := a.Shape[0], a.Shape[1], b.Shape[0], b.Shape[1]
	if g.transA {
		m, k = k, m
	}
	if g.transB {
		kb, n = n, kb
	}
	if k != kb {
		return fmt.Errorf("cannot multiply %v by %v (transA %t, transB %t)", a.Shape, b.Shape, g.transA, g.transB)
	}
	if err := sameType(a, b); err != nil {
		return err
	}
	out, err := c.New(0, a.Type, m, n)
	if err != nil {
		return err
	}
	beta := g.beta
	if g.bias != nil || !c.Has(2) {
		beta = 0
	} else if err := stretchTo(c, out, c.In[2]); err != nil {
		return err
	}
	switch x := a.Data.(type) {
	case []float32:
		g.run32(c, x, b.Data.([]float32), out.Data.([]float32), m, n, k, beta)
	case []float64:
		product64(g.transA, g.transB, m, n, k, float64(g.alpha), x, b.Data.([]float64), float64(beta), out.Data.([]float64))
	case []int32, []int64, []uint32, []uint64:
		return g.runInt(c, out, m, n, k, beta)
	default:
		return badType(a)
	}
	return nil
}

func (g *gemm) run32(c *Call, a, b, y []float32, m, n, k int, beta float32) {
	left := f32.Dense(a, m, k, k)
	if g.transA {
		left = f32.Dense(a, k, m, m).T()
	}
	then := g.after.epilogue()
	then.ColBias = g.bias
	if g.packed != nil {
		f32.ProductPacked(c.Threads, g.alpha, left, g.packed, beta, y, n, then)
	} else {
		right := f32.Dense(b, k, n, n)
		if g.transB {
			right = f32.Dense(b, n, k, k).T()
		}
		f32.Product(c.Threads, g.alpha, left, right, beta, y, n, then)
	}
	g.after.apply(c, y)
}

// runInt computes with integers, exactly up to 2⁵³.
func (g *gemm) runInt(c *Call, out *Tensor, m, n, k int, beta float32) error {
	a, err := floats64(c.In[0])
	if err != nil {
		return err
	}
	b, err := floats64(c.In[1])
	if err != nil {
		return err
	}
	y, err := floats64(out)
	if err != nil {
		return err
	}
	product64(g.transA, g.transB, m, n, k, float64(g.alpha), a, b, float64(beta), y)
	return castFloat(out, y)
}

// stretchTo fills t with x, stretched to t's shape.
func stretchTo(c *Call, t, x *Tensor) error {
	if err := sameType(t, x); err != nil {
		return err
	}
	if shape, err := broadcast(x.Shape, t.Shape); err != nil || !equalShape(shape, t.Shape) {
		return fmt.Errorf("cannot add %v to %v", x.Shape, t.Shape)
	}
	copyRegion(c, t, whole(t.Shape), x, region{strides: stretched(x.Shape, t.Shape)}, t.Shape)
	return nil
}
