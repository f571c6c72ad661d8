package grad

import (
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// convolving is the table of the convolutions.
var convolving = rules{"Conv": convRule, "ConvTranspose": convTransposeRule}

// imagesTogether is how many images' gradients by the weights are summed on
// their own. It fixes the order of sums, so threads do not show in the result.
const imagesTogether = 16

// unfolded is a convolution written as a product, of each group of each image:
//
//	Y = W·unfold(X)
//
// X has inPer planes of inPlane elements, and Y outPer of one for each place.
// For a ConvTranspose, X is the output and Y the input.
type unfolded struct {
	*kernel.Places
	groups, inPer, outPer, inPlane int
}

func (u *unfolded) rows() int { return u.inPer * u.Taps }

// unfold lists what every tap of the window sees at every place.
func (u *unfolded) unfold(cols, x []float32) {
	for ch := range u.inPer {
		plane, to := x[ch*u.inPlane:][:u.inPlane], cols[ch*len(u.At):][:len(u.At)]
		for i, at := range u.At {
			v := float32(0)
			if at >= 0 {
				v = plane[at]
			}
			to[i] = v
		}
	}
}

// fold adds what unfold lists to where it came from.
func (u *unfolded) fold(x, cols []float32) {
	for ch := range u.inPer {
		plane, from := x[ch*u.inPlane:][:u.inPlane], cols[ch*len(u.At):][:len(u.At)]
		for i, at := range u.At {
			if at >= 0 {
				plane[at] += from[i]
			}
		}
	}
}

// convRule is
//
//	dW += dY·unfold(X)ᵀ,  dX += fold(Wᵀ·dY),  db += Σ dY
func convRule(c *Call) error {
	x, w := c.In[0].Shape, c.In[1].Shape
	at, err := kernel.ConvPlaces(c.Node, x[2:], w[2:])
	if err != nil {
		return err
	}
	groups := int(c.Node.Int("group", 1))
	u := &unfolded{Places: at, groups: groups, inPer: w[1], outPer: w[0] / groups, inPlane: size(x[2:])}
	c.planeSums(2, w[0], u.Out)
	direct, rows, xs, ws := u.Direct(u.inPlane), u.rows(), c.x(0), c.x(1)
	c.images(x[0], len(ws), func(image int, cols, dw []float32) {
		for g := range groups {
			in := (image*groups + g) * u.inPer * u.inPlane
			dy := f32.Dense(c.Up[0][(image*groups+g)*u.outPer*u.Out:], u.outPer, u.Out, u.Out)
			if dw != nil {
				seen := xs[in:]
				if !direct {
					u.unfold(cols, seen)
					seen = cols
				}
				addProduct(1, 1, dy, f32.Dense(seen, rows, u.Out, u.Out).T(), dw[g*u.outPer*rows:], false)
			}
			if !c.wants(0) {
				continue
			}
			wt := f32.Dense(ws[g*u.outPer*rows:], u.outPer, rows, rows).T()
			if direct {
				addProduct(1, 1, wt, dy, c.Down[0][in:], false)
				continue
			}
			f32.Product(1, 1, wt, dy, 0, cols, u.Out, f32.Epilogue{})
			u.fold(c.Down[0][in:], cols)
		}
	}, rows*u.Out)
	return nil
}

// convTransposeRule is, for Y = fold(Wᵀ·X),
//
//	dW += X·unfold(dY)ᵀ,  dX += W·unfold(dY),  db += Σ dY
func convTransposeRule(c *Call) error {
	x, w, y := c.In[0].Shape, c.In[1].Shape, c.Out[0].Shape
	at, err := kernel.ConvTransposePlaces(c.Node, x[2:], w[2:])
	if err != nil {
		return err
	}
	groups := int(c.Node.Int("group", 1))
	u := &unfolded{Places: at, groups: groups, inPer: w[1], outPer: w[0] / groups, inPlane: size(y[2:])}
	c.planeSums(2, y[1], u.inPlane)
	rows, xs, ws := u.rows(), c.x(0), c.x(1)
	c.images(x[0], len(ws), func(image int, cols, dw []float32) {
		for g := range groups {
			job := image*groups + g
			u.unfold(cols, c.Up[0][job*u.inPer*u.inPlane:])
			in := job * u.outPer * u.Out
			if dw != nil {
				addProduct(1, 1, f32.Dense(xs[in:], u.outPer, u.Out, u.Out), f32.Dense(cols, rows, u.Out, u.Out).T(), dw[g*u.outPer*rows:], false)
			}
			if c.wants(0) {
				wg := f32.Dense(ws[g*u.outPer*rows:], u.outPer, rows, rows)
				addProduct(1, 1, wg, f32.Dense(cols, rows, u.Out, u.Out), c.Down[0][in:], false)
			}
		}
	}, rows*u.Out)
	return nil
}

// images calls one for every image of a batch, with memory for scratch elements
// and for the gradient by the weight, input 1, of which nil stands for none.
func (c *Call) images(batch, weight int, one func(image int, cols, dw []float32), scratch int) {
	parts := (batch + imagesTogether - 1) / imagesTogether
	sums := make([][]float32, parts)
	c.parallel(parts, scratch*imagesTogether, func(lo, hi int) {
		cols := make([]float32, scratch)
		for part := lo; part < hi; part++ {
			if c.wants(1) {
				sums[part] = make([]float32, weight)
			}
			for image := part * imagesTogether; image < min(batch, (part+1)*imagesTogether); image++ {
				one(image, cols, sums[part])
			}
		}
	})
	if c.wants(1) {
		for _, s := range sums {
			addTo(c.Down[1], s)
		}
	}
}

// planeSums adds to the gradient by input i, a bias of one element a channel,
// the sums of the output's.
func (c *Call) planeSums(i, channels, plane int) {
	if !c.wants(i) {
		return
	}
	for at := 0; at*plane < len(c.Up[0]); at++ {
		c.Down[i][at%channels] += float32(f32.Sum(c.Up[0][at*plane:][:plane]))
	}
}
