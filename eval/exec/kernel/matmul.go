package kernel

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// matMul is a prepared MatMul: matrices in the last two axes, the axes before
// them stretched. com.microsoft.FusedMatMul also scales and transposes.
type matMul struct {
	transA, transB bool
	alpha          float32
	packed         *f32.Packed // b, if it is one constant matrix
	bias           []float32
	after          finish
	last           atomic.Pointer[batchProduct]
}

func prepareMatMul(n *Node) (Kernel, error) {
	mm := &matMul{transA: n.Flag("transA"), transB: n.Flag("transB"), alpha: n.Float("alpha", 1)}
	batchLast := [2]bool{n.Flag("transBatchA"), n.Flag("transBatchB")}
	var err error
	if mm.after, err = finishOf(n); err != nil {
		return nil, err
	}
	if batchLast[0] || batchLast[1] {
		return func(c *Call) error { return mm.runBatchLast(c, batchLast) }, nil
	}
	if b := n.Constant(1); b != nil && len(b.Shape) == 2 && !mm.transA {
		if v, ok := b.Data.([]float32); ok {
			k, cols := b.Shape[0], b.Shape[1]
			if mm.transB {
				k, cols = cols, k
			}
			mm.packed = f32.PackB(mm.transB, k, cols, v, b.Shape[1])
			mm.bias = rowBias(n.Constant(2), cols, 1)
		}
	}
	return mm.run, nil
}

// batchProduct is a matrix product repeated over leading axes.
type batchProduct struct {
	a, b    []int // shapes of the operands
	shape   []int // of the result
	m, n, k int
	batch   int
	loops   *loops // of the leading axes, over a and b
	one     bool   // b is one matrix for all of a
}

// plan finds the sizes of a product, which are mostly those of the last one.
func (mm *matMul) plan(a, b []int) (*batchProduct, error) {
	if p := mm.last.Load(); p != nil && equalShape(p.a, a) && equalShape(p.b, b) {
		return p, nil
	}
	p, err := mm.sizes(a, b)
	if err != nil {
		return nil, fmt.Errorf("cannot multiply %v by %v", a, b)
	}
	p.a, p.b = slices.Clone(a), slices.Clone(b)
	mm.last.Store(p)
	return p, nil
}

// errSizes tells that two shapes are not those of a product.
var errSizes = errors.New("the sizes do not go together")

func (mm *matMul) sizes(a, b []int) (*batchProduct, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, errSizes
	}
	rowless, colless := len(a) == 1, len(b) == 1 // a vector's missing axis is missing in the result
	if rowless {
		a = []int{1, a[0]}
	}
	if colless {
		b = []int{b[0], 1}
	}
	ra, rb := len(a)-2, len(b)-2
	p := &batchProduct{m: a[ra], k: a[ra+1], n: b[rb+1]}
	if mm.transA {
		p.m, p.k = p.k, p.m
	}
	kb := b[rb]
	if mm.transB {
		kb, p.n = p.n, kb
	}
	if p.k != kb {
		return nil, errSizes
	}
	lead, err := broadcast(a[:ra], b[:rb])
	if err != nil {
		return nil, errSizes
	}
	p.batch, p.shape = size(lead), slices.Clone(lead)
	if !rowless {
		p.shape = append(p.shape, p.m)
	}
	if !colless {
		p.shape = append(p.shape, p.n)
	}
	if p.one = size(b[:rb]) == 1 && !mm.transA; p.one {
		p.m, p.batch = p.m*p.batch, 1
		return p, nil
	}
	p.loops = newLoops(lead, scaled(stretched(a[:ra], lead), p.m*p.k), scaled(stretched(b[:rb], lead), p.k*p.n))
	p.loops.dims = append(p.loops.dims, 1)
	for k := range p.loops.strides {
		p.loops.strides[k] = append(p.loops.strides[k], 0)
	}
	return p, nil
}

func scaled(v []int, by int) []int {
	for i := range v {
		v[i] *= by
	}
	return v
}

func (mm *matMul) run(c *Call) error {
	a, b := c.In[0], c.In[1]
	p, err := mm.plan(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	if err := sameType(a, b); err != nil {
		return err
	}
	out, err := c.New(0, a.Type, p.shape...)
	if err != nil {
		return err
	}
	switch x := a.Data.(type) {
	case []float32:
		mm.run32(c, p, x, b.Data.([]float32), out.Data.([]float32))
	case []float64:
		mm.run64(p, x, b.Data.([]float64), out.Data.([]float64))
	case []int32, []int64, []uint32, []uint64:
		return mm.runInt(p, out, a, b)
	default:
		return badType(a)
	}
	return nil
}

// runBatchLast multiplies operands of which some have the axes of the batch after their first axis, which is one of
// the matrix.
func (mm *matMul) runBatchLast(c *Call, batchLast [2]bool) error {
	for i, last := range batchLast {
		rank := len(c.In[i].Shape)
		if !last || rank < 3 {
			continue
		}
		order := make([]int, rank)
		for k := range order {
			order[k] = k
		}
		order = slices.Insert(order[1:], rank-2, 0)
		sub := c.sub(c.In[i])
		if err := transpose(sub, c.In[i], order); err != nil {
			return err
		}
		c.scratch = append(c.scratch, sub.Out[0])
		c.In[i] = &sub.Out[0].Tensor
	}
	return mm.run(c)
}

func (mm *matMul) run32(c *Call, p *batchProduct, a, b, y []float32) {
	then := mm.after.epilogue()
	then.ColBias = mm.bias
	switch {
	case p.one && mm.packed != nil:
		f32.ProductPacked(c.Threads, mm.alpha, f32.Dense(a, p.m, p.k, p.k), mm.packed, 0, y, p.n, then)
	case p.one:
		f32.Product(c.Threads, mm.alpha, f32.Dense(a, p.m, p.k, p.k), mm.right(p, b), 0, y, p.n, then)
	default:
		inside := 1
		if p.batch < c.Threads {
			inside = c.Threads
		}
		c.Parallel(p.batch, p.m*p.n*p.k/8, func(lo, hi int) {
			p.loops.each(lo, hi, func(i int, off []int) {
				left := f32.Dense(a[off[0]:], p.m, p.k, p.k)
				if mm.transA {
					left = f32.Dense(a[off[0]:], p.k, p.m, p.m).T()
				}
				f32.Product(inside, mm.alpha, left, mm.right(p, b[off[1]:]), 0, y[i*p.m*p.n:], p.n, then)
			})
		})
	}
	mm.after.apply(c, y)
}

func (mm *matMul) right(p *batchProduct, b []float32) f32.View {
	if mm.transB {
		return f32.Dense(b, p.n, p.k, p.k).T()
	}
	return f32.Dense(b, p.k, p.n, p.n)
}

func (mm *matMul) run64(p *batchProduct, a, b, y []float64) {
	if p.one {
		product64(false, mm.transB, p.m, p.n, p.k, float64(mm.alpha), a, b, 0, y)
		return
	}
	p.loops.each(0, p.batch, func(i int, off []int) {
		product64(mm.transA, mm.transB, p.m, p.n, p.k, float64(mm.alpha), a[off[0]:], b[off[1]:], 0, y[i*p.m*p.n:])
	})
}

// runInt computes with integers, exactly up to 2⁵³.
func (mm *matMul) runInt(p *batchProduct, out, a, b *Tensor) error {
	x, err := floats64(a)
	if err != nil {
		return err
	}
	z, err := floats64(b)
	if err != nil {
		return err
	}
	y := make([]float64, size(out.Shape))
	mm.run64(p, x, z, y)
	return castFloat(out, y)
}
