package kernel

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// convolving is the table of the convolutions.
var convolving = ops{
	"Conv":          compute(prepareConv),
	"FusedConv":     compute(prepareConv),
	"ConvTranspose": compute(prepareConvTranspose),
}

// conv is a prepared convolution.
type conv struct {
	window *window
	groups int
	add    int // the input added to the result before the finish, 0 for none
	after  finish
	last   atomic.Pointer[convPlan]
}

func prepareConv(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	g := &conv{window: w, groups: int(n.Int("group", 1))}
	if n.Op == "FusedConv" && n.Has(3) {
		g.add = 3
	}
	g.after, err = finishOf(n)
	return g.run, err
}

// convPlan is a convolution of inputs of one shape.
type convPlan struct {
	*placement
	shape, weight []int // of input and weight
	batch         int
	groups        int
	inPer, outPer int   // channels of a group
	padded        []int // spatial size with the pads
	rows, cols    f32.Axis
	outPlane      int
	depthwise     bool
}

func (g *conv) plan(x, w []int) (*convPlan, error) {
	if p := g.last.Load(); p != nil && equalShape(p.shape, x) && equalShape(p.weight, w) {
		return p, nil
	}
	if len(x) < 3 || len(w) != len(x) || g.groups <= 0 || w[1]*g.groups != x[1] || w[0]%g.groups != 0 {
		return nil, fmt.Errorf("weight of shape %v in %d groups for input %v", w, g.groups, x)
	}
	at, err := g.window.place(slices.Clone(x[2:]), slices.Clone(w[2:]))
	if err != nil {
		return nil, err
	}
	p := &convPlan{placement: at, shape: slices.Clone(x), weight: slices.Clone(w), batch: x[0],
		groups: g.groups, inPer: w[1], outPer: w[0] / g.groups, outPlane: size(at.out)}
	for i, d := range at.in {
		p.padded = append(p.padded, d+at.before[i]+at.after[i])
	}
	steps := strides(append([]int{p.inPer}, p.padded...))
	within, across := steps[:1:1], []int(nil)
	for i, s := range steps[1:] {
		within = append(within, s*at.dilation[i])
		across = append(across, s*at.stride[i])
	}
	p.rows = f32.Offsets(grid(append([]int{p.inPer}, at.kernel...), within))
	p.cols = f32.Offsets(grid(at.out, across))
	p.depthwise = p.inPer == 1 && p.outPer == 1 && g.groups > 1
	g.last.Store(p)
	return p, nil
}

// unpadded tells whether the windows lie in the input itself.
func (p *convPlan) unpadded() bool { return equalShape(p.padded, p.in) }

func (g *conv) run(c *Call) error {
	x, w := c.In[0], c.In[1]
	p, err := g.plan(x.Shape, w.Shape)
	if err != nil {
		return err
	}
	if err := sameType(x, w); err != nil {
		return err
	}
	if c.Has(2) && size(c.In[2].Shape) != w.Shape[0] {
		return fmt.Errorf("bias of shape %v for weight %v", c.In[2].Shape, w.Shape)
	}
	shape := append([]int{p.batch, w.Shape[0]}, p.out...)
	var out *Tensor
	if g.add == 0 {
		out, err = c.New(0, x.Type, shape...)
	} else if out, err = c.Over(0, x.Type, shape, g.add); err == nil && out != c.In[g.add] {
		err = stretchTo(c, out, c.In[g.add])
	}
	if err != nil || size(shape) == 0 {
		return err
	}
	switch v := x.Data.(type) {
	case []float32:
		var bias []float32
		if c.Has(2) {
			bias = c.In[2].Data.([]float32)
		}
		if p.depthwise {
			g.runDepthwise(c, p, v, w.Data.([]float32), bias, out.Data.([]float32))
		} else {
			g.run32(c, p, v, w.Data.([]float32), bias, out.Data.([]float32))
		}
		g.after.apply(c, out.Data.([]float32))
	case []float64:
		g.run64(p, c, v, w.Data.([]float64), out.Data.([]float64))
	default:
		return badType(x)
	}
	return nil
}

// run32 multiplies, for every example and group, the weights with a view of
// the padded input's windows.
func (g *conv) run32(c *Call, p *convPlan, x, w, bias, y []float32) {
	kernel := p.inPer * size(p.kernel)
	inPlane, padPlane := size(p.in), size(p.padded)
	jobs, inside := p.batch*p.groups, 1
	if jobs < c.Threads {
		inside = c.Threads
	}
	var pads []float32
	if !p.unpadded() {
		pads = c.Floats(min(c.Threads, jobs) * p.inPer * padPlane)
	}
	beta := float32(0)
	if g.add != 0 {
		beta = 1
	}
	c.lanes(jobs, p.outPer*kernel*p.outPlane/8, func(lane, lo, hi int) {
		for job := lo; job < hi; job++ {
			group := job % p.groups
			image := x[job*p.inPer*inPlane:][:p.inPer*inPlane]
			if pads != nil {
				padded := pads[lane*p.inPer*padPlane:][:p.inPer*padPlane]
				padImage(padded, image, p, job == lo)
				image = padded
			}
			then := g.after.epilogue()
			if bias != nil {
				then.RowBias = bias[group*p.outPer:][:p.outPer]
			}
			left := f32.Dense(w[group*p.outPer*kernel:], p.outPer, kernel, kernel)
			right := f32.View{Data: image, Rows: p.rows, Cols: p.cols}
			f32.Product(inside, 1, left, right, beta, y[job*p.outPer*p.outPlane:], p.outPlane, then)
		}
	})
}

// padImage copies planes into the middle of larger ones of zeros. fresh tells
// that the borders have arbitrary contents.
func padImage[T float](to, from []T, p *convPlan, fresh bool) {
	if fresh {
		clear(to)
	}
	last := len(p.in) - 1
	row := p.in[last]
	lead := append([]int{p.inPer}, p.in[:last]...)
	steps := strides(append([]int{p.inPer}, p.padded...))
	start := 0
	for i, b := range p.before {
		start += b * steps[i+1]
	}
	l := newLoops(append(lead, 1), append(steps[:last+1:last+1], 0))
	l.dims, l.strides[0] = append(l.dims, 1), append(l.strides[0], 0)
	l.each(0, l.rows(), func(r int, off []int) {
		copy(to[start+off[0]:][:row], from[r*row:])
	})
}

// run64 is run32 for float64, by unfolding.
func (g *conv) run64(p *convPlan, c *Call, x, w, y []float64) {
	kernel := p.inPer * size(p.kernel)
	inPlane, padPlane := size(p.in), size(p.padded)
	padded := make([]float64, p.inPer*padPlane)
	cols := make([]float64, kernel*p.outPlane)
	for job := range p.batch * p.groups {
		group := job % p.groups
		padImage(padded, x[job*p.inPer*inPlane:][:p.inPer*inPlane], p, true)
		for i := range kernel {
			for j := range p.outPlane {
				cols[i*p.outPlane+j] = padded[p.rows.At(i)+p.cols.At(j)]
			}
		}
		to := y[job*p.outPer*p.outPlane:][:p.outPer*p.outPlane]
		if c.Has(2) {
			bias := c.In[2].Data.([]float64)
			for i := range to {
				to[i] = bias[group*p.outPer+i/p.outPlane]
			}
		} else {
			clear(to)
		}
		product64(false, false, p.outPer, p.outPlane, kernel, 1, w[group*p.outPer*kernel:], cols, 1, to)
	}
}
