package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// convTranspose is a prepared ConvTranspose.
type convTranspose struct {
	window      *window
	groups      int
	outPad      []int
	outputShape []int
	after       finish
}

func prepareConvTranspose(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	t := &convTranspose{window: w, groups: int(n.Int("group", 1)), outPad: n.Ints("output_padding"), outputShape: n.Ints("output_shape")}
	if t.after, err = finishOf(n); err != nil {
		return nil, err
	}
	return t.run, nil
}

// place finds the size of the output: the placement is that of the convolution
// which the operator transposes, so its input is our output.
func (t *convTranspose) place(in, kernel []int) (*placement, error) {
	rank, w := len(in), t.window
	p := &placement{out: in, kernel: kernel, stride: filled(w.stride, rank, 1), dilation: filled(w.dilation, rank, 1),
		before: slices.Clone(filled(w.before, rank, 0)), after: slices.Clone(filled(w.after, rank, 0)), in: make([]int, rank)}
	extra, wanted := filled(t.outPad, rank, 0), t.outputShape
	for _, list := range [][]int{p.kernel, p.stride, p.dilation, p.before, p.after, extra} {
		if len(list) != rank {
			return nil, fmt.Errorf("attributes do not fit %d spatial axes", rank)
		}
	}
	if len(wanted) > rank {
		wanted = wanted[len(wanted)-rank:]
	}
	for i, d := range in {
		full := p.stride[i]*(d-1) + extra[i] + (kernel[i]-1)*p.dilation[i] + 1
		target := full - p.before[i] - p.after[i]
		switch same := w.auto == "SAME_UPPER" || w.auto == "SAME_LOWER"; {
		case len(wanted) == rank:
			target = wanted[i]
		case same:
			target = d * p.stride[i]
		case w.auto == "VALID":
			target = full
		default:
			p.in[i] = target
			continue
		}
		p.in[i] = target
		total := max(0, full-target)
		p.before[i] = total - total/2
		if w.auto == "SAME_UPPER" {
			p.before[i] = total / 2
		}
		p.after[i] = total - p.before[i]
	}
	return p, nil
}

func (t *convTranspose) run(c *Call) error {
	x, w := c.In[0], c.In[1]
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) || t.groups <= 0 || w.Shape[0] != x.Shape[1] || x.Shape[1]%t.groups != 0 {
		return fmt.Errorf("weight of shape %v in %d groups for input %v", w.Shape, t.groups, x.Shape)
	}
	if err := sameType(x, w); err != nil {
		return err
	}
	at, err := t.place(x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	channels := w.Shape[1] * t.groups
	if c.Has(2) && size(c.In[2].Shape) != channels {
		return fmt.Errorf("bias of shape %v for %d channels", c.In[2].Shape, channels)
	}
	out, err := c.New(0, x.Type, append([]int{x.Shape[0], channels}, at.in...)...)
	if err != nil || size(out.Shape) == 0 {
		return err
	}
	if err := c.room(min(c.Threads, x.Shape[0]*t.groups), w.Shape[1], size(at.kernel), size(at.out)); err != nil {
		return err
	}
	switch v := x.Data.(type) {
	case []float32:
		transposed32(t, c, at, v, out.Data.([]float32))
		t.after.apply(c, out.Data.([]float32))
	case []float64:
		transposed64(t, c, at, v, out.Data.([]float64))
	default:
		return badType(x)
	}
	return nil
}

func transposed32(t *convTranspose, c *Call, p *placement, x, y []float32) {
	w := c.In[1].Data.([]float32)
	inPer, outPer := c.In[1].Shape[0]/t.groups, c.In[1].Shape[1]
	kernel, inPlane, outPlane := size(p.kernel), size(p.out), size(p.in)
	jobs, inside := c.In[0].Shape[0]*t.groups, 1
	if jobs < c.Threads {
		inside = c.Threads
	}
	taps := tapsOf(&convPlan{placement: p})
	all := c.Floats(min(c.Threads, jobs) * outPer * kernel * inPlane)
	c.lanes(jobs, inPer*outPer*kernel*inPlane/8, func(lane, lo, hi int) {
		cols := all[lane*outPer*kernel*inPlane:][:outPer*kernel*inPlane]
		for job := lo; job < hi; job++ {
			group := job % t.groups
			left := f32.Dense(w[group*inPer*outPer*kernel:], inPer, outPer*kernel, outPer*kernel).T()
			right := f32.Dense(x[job*inPer*inPlane:], inPer, inPlane, inPlane)
			f32.Product(inside, 1, left, right, 0, cols, inPlane, f32.Epilogue{})
			to := y[job*outPer*outPlane:][:outPer*outPlane]
			startPlanes(to, c.Input(2), group*outPer, outPlane)
			foldPlanes(to, cols, p, taps, outPer)
			if t.after.relu {
				f32.Relu(to, to)
			}
		}
	})
}

func transposed64(t *convTranspose, c *Call, p *placement, x, y []float64) {
	w := c.In[1].Data.([]float64)
	inPer, outPer := c.In[1].Shape[0]/t.groups, c.In[1].Shape[1]
	kernel, inPlane, outPlane := size(p.kernel), size(p.out), size(p.in)
	taps := tapsOf(&convPlan{placement: p})
	cols := make([]float64, outPer*kernel*inPlane)
	for job := range c.In[0].Shape[0] * t.groups {
		group := job % t.groups
		product64(true, false, outPer*kernel, inPlane, inPer, 1, w[group*inPer*outPer*kernel:], x[job*inPer*inPlane:], 0, cols)
		to := y[job*outPer*outPlane:][:outPer*outPlane]
		startPlanes(to, c.Input(2), group*outPer, outPlane)
		foldPlanes(to, cols, p, taps, outPer)
	}
}

// startPlanes fills planes with their channel's bias.
func startPlanes[T float](to []T, bias *Tensor, first, plane int) {
	if bias == nil {
		clear(to)
		return
	}
	b := bias.Data.([]T)[first:]
	for i := range to {
		to[i] = b[i/plane]
	}
}

// foldPlanes adds the columns of an unfolded convolution to the places they
// were taken from: cols holds, for every channel and element of the kernel, the
// values for all places of the window.
func foldPlanes[T float](to, cols []T, p *placement, taps []tap, channels int) {
	last := len(p.in) - 1
	places, plane, row := size(p.out), size(p.in), p.out[last]
	steps := strides(p.in)
	at := make([]int, last)
	for ch := range channels {
		image := to[ch*plane:][:plane]
		for k, tap := range taps {
			values := cols[(ch*len(taps)+k)*places:][:places]
			for r := 0; r*row < places; r++ {
				for i, rest := last-1, r; i >= 0; i-- {
					at[i] = rest % p.out[i] * p.stride[i]
					rest /= p.out[i]
				}
				from, ok := tap.row(at, p.in, steps)
				if !ok {
					continue
				}
				d, s := from+tap.first, p.stride[last]
				for _, v := range values[r*row:][tap.lo:max(tap.lo, tap.hi)] {
					image[d] += v
					d += s
				}
			}
		}
	}
}
