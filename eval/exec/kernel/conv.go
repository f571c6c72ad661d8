package kernel

import (
	"fmt"
	"slices"
	"sync/atomic"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

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
	inPer, outPer int // channels of a group
	outPlane      int
	*windows
}

// chunkColumns is how many columns a product has at least, if there are images enough to make them up.
const chunkColumns = 1024

func (g *conv) plan(c *Call, x, w []int) (*convPlan, error) {
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
	if p.inPer > 1 || p.outPer > 1 || g.groups == 1 { // else it is depthwise
		images := max(1, min(chunkColumns/max(1, p.outPlane), (p.batch+c.Threads-1)/c.Threads))
		if err := at.room(c, w[1], images); err != nil {
			return nil, err
		}
		p.windows = newWindows(at, p.inPer, x[1], images).tailed(p.batch)
	}
	g.last.Store(p)
	return p, nil
}

func (g *conv) run(c *Call) error {
	x, w := c.In[0], c.In[1]
	p, err := g.plan(c, x.Shape, w.Shape)
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
		if p.windows == nil {
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

// run32 multiplies, for some images at a time and every group, the weights
// with a view of the padded images' windows: the columns of all the images side
// by side. How many images are taken together does not show in the result.
func (g *conv) run32(c *Call, p *convPlan, x, w, bias, y []float32) {
	kernel := p.inPer * size(p.kernel)
	chunks := (p.batch + p.images - 1) / p.images
	jobs, inside := chunks*p.groups, 1
	if jobs < c.Threads {
		inside = c.Threads
	}
	room := p.images * p.perImage
	var pads []float32
	if p.copied {
		pads = c.Floats(min(c.Threads, jobs) * room)
	}
	beta := float32(0)
	if g.add != 0 {
		beta = 1
	}
	pieces := f32.Pieces{Len: p.outPlane, Step: p.groups * p.outPer * p.outPlane}
	c.lanes(jobs, p.images*p.outPer*kernel*p.outPlane/8, func(lane, lo, hi int) {
		for job := lo; job < hi; job++ {
			first, group := job/p.groups*p.images, job%p.groups
			count := min(p.images, p.batch-first)
			source := x[(first*p.groups+group)*p.inPer*p.inPlane:]
			if pads != nil {
				padded := pads[lane*room:][:room]
				if job == lo {
					clear(padded)
				}
				for i := range count {
					pad(padded[i*p.perImage:], source[i*p.groups*p.inPer*p.inPlane:], p.windows)
				}
				source = padded
			}
			then := g.after.epilogue()
			if bias != nil {
				then.RowBias = bias[group*p.outPer:][:p.outPer]
			}
			left := f32.Dense(w[group*p.outPer*kernel:], p.outPer, kernel, kernel)
			right := f32.View{Data: source, Rows: p.rows, Cols: p.columns(count)}
			f32.ProductPieces(inside, 1, left, right, beta, y[(first*p.groups+group)*p.outPer*p.outPlane:], p.outPlane, pieces, then)
		}
	})
}

// unfolded is how many float64 elements of a convolution's windows are unfolded at a time: 2 MiB.
const unfolded = 1 << 18

// run64 is run32 for float64, by unfolding some columns at a time.
func (g *conv) run64(p *convPlan, c *Call, x, w, y []float64) {
	win := newWindows(p.placement, p.inPer, p.shape[1], 1)
	kernel := p.inPer * size(p.kernel)
	padded := make([]float64, win.perImage)
	most := min(p.outPlane, max(1, unfolded/max(1, kernel)))
	cols := make([]float64, kernel*most)
	for job := range p.batch * p.groups {
		group := job % p.groups
		source := x[job*p.inPer*win.inPlane:]
		if win.copied {
			pad(padded, source, win)
			source = padded
		}
		to := y[job*p.outPer*p.outPlane:][:p.outPer*p.outPlane]
		startPlanes(to, c.Input(2), group*p.outPer, p.outPlane)
		for first := 0; first < p.outPlane; first += most {
			n := min(most, p.outPlane-first)
			for i := range kernel {
				row := win.rows.At(i)
				for j := range n {
					cols[i*n+j] = source[row+win.cols.At(first+j)]
				}
			}
			gonum.Implementation{}.Dgemm(blas.NoTrans, blas.NoTrans, p.outPer, n, kernel,
				1, w[group*p.outPer*kernel:], max(1, kernel), cols, n, 1, to[first:], p.outPlane)
		}
	}
}
