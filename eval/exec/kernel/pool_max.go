package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// pooling is the table of the operators that summarize windows or planes.
var pooling = ops{
	"MaxPool":           compute(prepareMaxPool),
	"MaxUnpool":         compute(prepareMaxUnpool),
	"AveragePool":       compute(prepareAveragePool),
	"LpPool":            compute(prepareAveragePool),
	"GlobalAveragePool": compute(prepareGlobalPool),
	"GlobalMaxPool":     compute(prepareGlobalPool),
	"GlobalLpPool":      compute(prepareGlobalPool),
}

func prepareMaxPool(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	wantIndex, columnMajor := n.Wants(1), n.Flag("storage_order")
	return func(c *Call) error {
		x := c.In[0]
		p, err := w.placeOver(x.Shape)
		if err != nil {
			return err
		}
		shape := append([]int{x.Shape[0], x.Shape[1]}, p.out...)
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		var index []int64
		if wantIndex {
			t, err := c.New(1, onnxgraph.Int64, shape...)
			if err != nil {
				return err
			}
			index = t.Data.([]int64)
		}
		switch v := x.Data.(type) {
		case []float32:
			maxPool(c, p, out.Data.([]float32), index, v, columnMajor)
		case []float64:
			maxPool(c, p, out.Data.([]float64), index, v, columnMajor)
		case []int8:
			maxPool(c, p, out.Data.([]int8), index, v, columnMajor)
		case []uint8:
			maxPool(c, p, out.Data.([]uint8), index, v, columnMajor)
		default:
			return badType(x)
		}
		return nil
	}, nil
}

// placeOver places a pooling window over a tensor of examples, channels and
// spatial axes.
func (w *window) placeOver(shape []int) (*placement, error) {
	if len(shape) < 3 || len(w.kernel) != len(shape)-2 {
		return nil, fmt.Errorf("kernel %v for input %v", w.kernel, shape)
	}
	return w.place(shape[2:], w.kernel)
}

// spans lists, for an axis and every place of the window along it, the taps of
// the kernel that lie inside the input: taps lo to hi-1, the first at index at.
type span struct{ at, lo, hi int }

func (p *placement) spans(axis int) []span {
	out := make([]span, p.out[axis])
	d, n := p.dilation[axis], p.in[axis]
	for o := range out {
		first := o*p.stride[axis] - p.before[axis]
		s := span{lo: max(0, (-first+d-1)/d), hi: min(p.kernel[axis], max(0, (n-first+d-1)/d))}
		s.at = first + s.lo*d
		out[o] = s
	}
	return out
}

// walk calls f for every place of the window and every row (along the last
// axis) of its elements inside the input: f gets the number of the place, the
// offset of the row's first element and the number of elements.
func (p *placement) walk(spans [][]span, steps []int, f func(place, off, n int)) {
	last := len(p.in) - 1
	var visit func(axis, place, off int)
	visit = func(axis, place, off int) {
		for o, s := range spans[axis] {
			here := place*p.out[axis] + o
			if axis == last {
				if s.hi > s.lo {
					f(here, off+s.at, s.hi-s.lo)
				}
				continue
			}
			for k := s.lo; k < s.hi; k++ {
				visit(axis+1, here, off+(s.at+(k-s.lo)*p.dilation[axis])*steps[axis])
			}
		}
	}
	visit(0, 0, 0)
}

func (p *placement) allSpans() [][]span {
	out := make([][]span, len(p.in))
	for i := range out {
		out[i] = p.spans(i)
	}
	return out
}

func maxPool[T number](c *Call, p *placement, d []T, index []int64, x []T, columnMajor bool) {
	inPlane, outPlane := size(p.in), size(p.out)
	if outPlane == 0 {
		return
	}
	if v, ok := any(x).([]float32); ok && index == nil && len(p.in) <= 2 && size(p.dilation) == 1 && inPlane > 0 {
		maxPoolRows(c, p, any(d).([]float32), v)
		return
	}
	spans, steps, low := p.allSpans(), strides(p.in), least[T]()
	step := p.dilation[len(p.in)-1]
	c.Parallel(len(d)/outPlane, outPlane*size(p.kernel), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			plane, to := x[ch*inPlane:][:inPlane], d[ch*outPlane:][:outPlane]
			fillWords(to, low)
			if index == nil {
				p.walk(spans, steps, func(place, off, n int) {
					best := to[place]
					for range n {
						best = max(best, plane[off])
						off += step
					}
					to[place] = best
				})
				continue
			}
			at := index[ch*outPlane:][:outPlane]
			fillWords(at, -1)
			p.walk(spans, steps, func(place, off, n int) {
				for range n {
					if at[place] < 0 || plane[off] > to[place] {
						to[place], at[place] = plane[off], int64(off)
					}
					off += step
				}
			})
			for i, off := range at {
				if columnMajor {
					off = turned(off, p.in)
				}
				at[i] = int64(ch*inPlane) + off
			}
		}
	})
}

// turned is the offset in column-major order of an element with the given
// row-major offset.
func turned(off int64, shape []int) int64 {
	out, step := int64(0), int64(size(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		d := int64(shape[i])
		step /= d
		out += off % d * step
		off /= d
	}
	return out
}

// moved returns the offset in a tensor of shape to of the element that has the
// given offset in one of shape from, -1 if there is none.
func moved(off int, from, to []int) int {
	out, step := 0, 1
	for i := len(from) - 1; i >= 0; i-- {
		at := off % from[i]
		if off /= from[i]; at < 0 || at >= to[i] {
			return -1
		}
		out += at * step
		step *= to[i]
	}
	if off != 0 {
		return -1
	}
	return out
}

// prepareMaxUnpool prepares MaxUnpool: elements go back to where MaxPool's
// indices say, everything else is 0.
func prepareMaxUnpool(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x := c.In[0]
		rank := len(x.Shape) - 2
		if rank < 1 || len(w.kernel) != rank {
			return fmt.Errorf("kernel %v for input %v", w.kernel, x.Shape)
		}
		stride, before, after := filled(w.stride, rank, 1), filled(w.before, rank, 0), filled(w.after, rank, 0)
		shape := append([]int(nil), x.Shape[:2]...)
		for i, d := range x.Shape[2:] {
			shape = append(shape, (d-1)*stride[i]-before[i]-after[i]+w.kernel[i])
		}
		planned := shape // what the indices count in
		if c.Has(2) {
			if shape, err = ints(c.In[2]); err != nil {
				return err
			}
			if len(shape) != len(x.Shape) {
				return fmt.Errorf("output shape %v for input %v", shape, x.Shape)
			}
		}
		at, err := ints(c.In[1])
		if err != nil {
			return err
		}
		out, err := c.Zeros(0, x.Type, shape...)
		if err != nil {
			return err
		}
		from, ok := x.Data.([]float32)
		to, _ := out.Data.([]float32)
		if !ok || len(at) != len(from) {
			return fmt.Errorf("%d indices for input %v of type %v", len(at), x.Shape, x.Type)
		}
		for i, k := range at {
			if k = moved(k, planned, shape); k < 0 {
				return fmt.Errorf("index %d for output %v", at[i], shape)
			}
			to[k] = from[i]
		}
		return nil
	}, nil
}
