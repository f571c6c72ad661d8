package kernel

import "github.com/onnx-rebasin/onnx-rebasin/internal/f32"

// runDepthwise convolves every channel with its own kernel, row by row of the
// result.
func (g *conv) runDepthwise(c *Call, p *convPlan, x, w, bias, y []float32) {
	last := len(p.in) - 1
	kernel, inPlane := size(p.kernel), size(p.in)
	outer := p.out[:last]
	inSteps := strides(p.in)
	width, step := p.out[last], p.stride[last]
	taps := tapsOf(p)
	c.Parallel(p.batch*p.groups, kernel*p.outPlane, func(lo, hi int) {
		at := make([]int, last)
		for job := lo; job < hi; job++ {
			ch := job % p.groups
			image, weights := x[job*inPlane:][:inPlane], w[ch*kernel:][:kernel]
			to := y[job*p.outPlane:][:p.outPlane]
			for r := 0; r*width < len(to); r++ {
				row := to[r*width:][:width]
				if g.add == 0 {
					clear(row)
				}
				for i, rest := last-1, r; i >= 0; i-- {
					at[i] = rest % outer[i] * p.stride[i]
					rest /= outer[i]
				}
				for k, tap := range taps {
					if from, ok := tap.row(at, p.in, inSteps); ok && tap.lo < tap.hi {
						addScaled(row[tap.lo:tap.hi], image[from+tap.first:], step, weights[k])
					}
				}
				if bias != nil {
					f32.Affine(row, row, 1, bias[ch])
				}
				if g.after.relu {
					f32.Relu(row, row)
				}
			}
		}
	})
}

// tap is one element of a kernel: where it reads, for the first place of a row
// of the result, and for which places that is inside the input.
type tap struct {
	shift  []int // on the outer axes
	first  int   // offset within the row for place lo
	lo, hi int
}

func tapsOf(p *convPlan) []tap {
	last := len(p.in) - 1
	var taps []tap
	for k := range size(p.kernel) {
		t := tap{shift: make([]int, last)}
		rest := k / p.kernel[last]
		for i := last - 1; i >= 0; i-- {
			t.shift[i] = rest%p.kernel[i]*p.dilation[i] - p.before[i]
			rest /= p.kernel[i]
		}
		x, s := k%p.kernel[last]*p.dilation[last]-p.before[last], p.stride[last]
		t.lo = min(p.out[last], max(0, (-x+s-1)/s))
		t.hi = max(0, min(p.out[last], (p.in[last]-x+s-1)/s))
		t.first = x + t.lo*s
		taps = append(taps, t)
	}
	return taps
}

// row returns the offset of the input row that the tap reads for the result's
// row that starts at the given place, false if it lies in the padding.
func (t *tap) row(at, in, steps []int) (int, bool) {
	off := 0
	for i, a := range at {
		j := a + t.shift[i]
		if j < 0 || j >= in[i] {
			return 0, false
		}
		off += j * steps[i]
	}
	return off, true
}

// addScaled adds f·x to d, taking every step-th element of x.
func addScaled(d, x []float32, step int, f float32) {
	if step == 1 {
		f32.Axpy(d, f, x[:len(d)])
		return
	}
	at := 0
	for i := range d {
		d[i] += f * x[at]
		at += step
	}
}
