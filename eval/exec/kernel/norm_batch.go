package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// prepareBatchNorm prepares BatchNormalization, with given statistics or, in
// training mode, with those of the batch.
func prepareBatchNorm(n *Node) (Kernel, error) {
	eps := float64(n.Float("epsilon", 1e-5))
	momentum := float64(n.Float("momentum", 0.9))
	training := n.Flag("training_mode")
	if n.Version < 7 && n.Int("is_test", 0) == 0 && n.Wants(1) {
		training = true
	}
	if n.Version < 9 && n.Int("spatial", 1) == 0 {
		return nil, fmt.Errorf("attribute spatial is 0, which is not supported")
	}
	if scale, shift := affineOf(n, eps); scale != nil && !training {
		return func(c *Call) error { return c.channelAffine(scale, shift) }, nil
	}
	return func(c *Call) error {
		for _, t := range c.In[1:5] {
			if len(c.In[0].Shape) > 1 && size(t.Shape) != c.In[0].Shape[1] {
				return fmt.Errorf("a parameter of shape %v for input %v", t.Shape, c.In[0].Shape)
			}
		}
		var p [4][]float64 // scale, bias, mean, variance
		for i := range p {
			var err error
			if p[i], err = floats64(c.In[i+1]); err != nil {
				return err
			}
		}
		if training {
			mean, variance, err := c.channelMoments()
			if err != nil {
				return err
			}
			if err := c.running(p[2:], mean, variance, momentum); err != nil {
				return err
			}
			p[2], p[3] = mean, variance
		}
		scale, shift := affine(p, eps)
		return c.channelAffine(scale, shift)
	}, nil
}

// affineOf returns the batch normalization's scale and shift by channel, nil if
// they are not constant.
func affineOf(n *Node, eps float64) (scale, shift []float64) {
	var p [4][]float64
	for i := range p {
		t := n.Constant(i + 1)
		if t == nil {
			return nil, nil
		}
		v, err := floats64(t)
		if err != nil || len(v) == 0 || i > 0 && len(v) != len(p[0]) {
			return nil, nil
		}
		p[i] = v
	}
	return affine(p, eps)
}

func affine(p [4][]float64, eps float64) (scale, shift []float64) {
	scale, shift = make([]float64, len(p[0])), make([]float64, len(p[0]))
	for i := range scale {
		scale[i] = p[0][i] / math.Sqrt(p[3][i]+eps)
		shift[i] = p[1][i] - p[2][i]*scale[i]
	}
	return scale, shift
}

// channels returns the number of channels, and the elements of one in a row.
func (c *Call) channels() (n, plane int) {
	shape := c.In[0].Shape
	if len(shape) < 2 {
		return 1, 1
	}
	return shape[1], size(shape[2:])
}

// channelAffine makes output 0 of input 0, scaled and shifted by channel.
func (c *Call) channelAffine(scale, shift []float64) error {
	n, _ := c.channels()
	if n != len(scale) {
		return fmt.Errorf("parameters of %d channels for input %v", len(scale), c.In[0].Shape)
	}
	out, err := c.Over(0, c.In[0].Type, c.In[0].Shape, 0)
	if err != nil {
		return err
	}
	switch x := c.In[0].Data.(type) {
	case []float32:
		channelAffine(c, out.Data.([]float32), x, scale, shift)
	case []float64:
		channelAffine(c, out.Data.([]float64), x, scale, shift)
	default:
		return badType(c.In[0])
	}
	return nil
}

func channelAffine[T float](c *Call, d, x []T, scale, shift []float64) {
	n, plane := c.channels()
	if len(x) == 0 {
		return
	}
	c.Parallel(len(x)/plane, plane, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			affineRow(d[p*plane:][:plane], x[p*plane:][:plane], T(scale[p%n]), T(shift[p%n]))
		}
	})
}

// affineRow sets d = a·x + b.
func affineRow[T float](d, x []T, a, b T) {
	if v, ok := any(x).([]float32); ok && len(x) >= 8 {
		f32.Affine(any(d).([]float32), v, float32(a), float32(b))
		return
	}
	for i, v := range x {
		d[i] = v*a + b
	}
}

// channelMoments returns mean and variance of every channel of input 0 over
// the batch.
func (c *Call) channelMoments() (mean, variance []float64, err error) {
	x, err := floats64(c.In[0])
	if err != nil {
		return nil, nil, err
	}
	n, plane := c.channels()
	mean, variance = make([]float64, n), make([]float64, n)
	for ch := range n {
		var all []float64
		for p := ch; p*plane < len(x); p += n {
			all = append(all, x[p*plane:][:plane]...)
		}
		mean[ch], variance[ch] = moments(all)
	}
	return mean, variance, nil
}

// running makes outputs 1 and 2: the moving averages after this batch.
func (c *Call) running(old [][]float64, mean, variance []float64, momentum float64) error {
	for i, batch := range [][]float64{mean, variance} {
		if i+1 >= len(c.Out) {
			break
		}
		next := slices.Clone(batch)
		for k := range next {
			next[k] = old[i][k]*momentum + batch[k]*(1-momentum)
		}
		t, err := c.New(i+1, c.In[i+3].Type, len(next))
		if err != nil {
			return err
		}
		if err := castNumber(t, next); err != nil {
			return err
		}
	}
	return nil
}

// prepareImageScaler prepares ImageScaler of opset 1: scale · x + bias by channel.
func prepareImageScaler(n *Node) (Kernel, error) {
	shift := convert[float64](n.Floats("bias"))
	scale := slices.Repeat([]float64{float64(n.Float("scale", 1))}, len(shift))
	return func(c *Call) error { return c.channelAffine(scale, shift) }, nil
}
