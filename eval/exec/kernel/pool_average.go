package kernel

import (
	"fmt"
	"math"
)

// prepareAveragePool prepares AveragePool and LpPool.
func prepareAveragePool(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	pad, lp := n.Flag("count_include_pad"), float64(0)
	if n.Op == "LpPool" {
		lp = lpOf(n)
	}
	return func(c *Call) error {
		x := c.In[0]
		p, err := w.placeOver(x.Shape)
		if err != nil {
			return err
		}
		out, err := c.New(0, x.Type, append([]int{x.Shape[0], x.Shape[1]}, p.out...)...)
		if err != nil {
			return err
		}
		switch v := x.Data.(type) {
		case []float32:
			averagePool(c, p, out.Data.([]float32), v, lp, pad)
		case []float64:
			averagePool(c, p, out.Data.([]float64), v, lp, pad)
		default:
			return badType(x)
		}
		return nil
	}, nil
}

// lpOf reads the attribute p, a float in opset 1 and an integer since.
func lpOf(n *Node) float64 {
	if n.Version < 2 {
		return float64(n.Float("p", 2))
	}
	return float64(n.Int("p", 2))
}

// counts returns by how much the sum of each place is divided: the elements of
// the window inside the input, or inside the padded input.
func (p *placement) counts(pad bool) []float64 {
	counts := []float64{1}
	for axis := range p.in {
		var next []float64
		for _, n := range counts {
			for o, s := range p.spans(axis) {
				taps := s.hi - s.lo
				if pad {
					first, d := o*p.stride[axis], p.dilation[axis]
					whole := p.in[axis] + p.before[axis] + p.after[axis]
					taps = min(p.kernel[axis], (whole-first+d-1)/d)
				}
				next = append(next, n*float64(taps))
			}
		}
		counts = next
	}
	return counts
}

func averagePool[T float](c *Call, p *placement, d, x []T, lp float64, pad bool) {
	inPlane, outPlane := size(p.in), size(p.out)
	if outPlane == 0 {
		return
	}
	spans, steps, counts := p.allSpans(), strides(p.in), p.counts(pad)
	step := p.dilation[len(p.in)-1]
	c.Parallel(len(d)/outPlane, outPlane*size(p.kernel), func(lo, hi int) {
		sums := make([]float64, outPlane)
		for ch := lo; ch < hi; ch++ {
			plane, to := x[ch*inPlane:][:inPlane], d[ch*outPlane:][:outPlane]
			clear(sums)
			p.walk(spans, steps, func(place, off, n int) {
				sum := 0.0
				for range n {
					sum += raised(float64(plane[off]), lp)
					off += step
				}
				sums[place] += sum
			})
			for i, sum := range sums {
				if lp != 0 {
					to[i] = T(math.Pow(sum, 1/lp))
				} else {
					to[i] = T(sum / counts[i])
				}
			}
		}
	})
}

// raised returns |v|^p, or v itself for p = 0.
func raised(v, p float64) float64 {
	switch p {
	case 0:
		return v
	case 1:
		return math.Abs(v)
	case 2:
		return v * v
	}
	return math.Pow(math.Abs(v), p)
}

// prepareGlobalPool prepares the poolings over whole planes.
func prepareGlobalPool(n *Node) (Kernel, error) {
	op := "ReduceMean"
	lp := 0.0
	switch n.Op {
	case "GlobalMaxPool":
		op = "ReduceMax"
	case "GlobalLpPool":
		lp = lpOf(n)
		if op = "ReduceL2"; lp == 1 {
			op = "ReduceL1"
		}
		if lp != 1 && lp != 2 {
			return nil, fmt.Errorf("attribute p is %g, want 1 or 2", lp)
		}
	}
	return func(c *Call) error {
		var axes []int
		for i := 2; i < len(c.In[0].Shape); i++ {
			axes = append(axes, i)
		}
		return reduce(c, op, axes, true)
	}, nil
}
