package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// quantized is the table of the operators on 8-bit and 16-bit fixed point.
// Integers are multiplied in float64, which is exact up to 2⁵³.
var quantized = ops{
	"QuantizeLinear":        compute(prepareQuantize),
	"DequantizeLinear":      compute(prepareDequantize),
	"DynamicQuantizeLinear": compute(prepareDynamicQuantize),
	"MatMulInteger":         compute(prepareIntegerProduct),
	"QLinearMatMul":         compute(prepareIntegerProduct),
	"ConvInteger":           compute(prepareIntegerProduct),
	"QLinearConv":           compute(prepareIntegerProduct),
}

// steps gives, for every element of a quantized tensor, its scale and zero
// point: one for all, one for each index of an axis, or one for each block
// along it.
type steps struct {
	scale, zero []float64
	index       func(i int) int
}

func stepsOf(shape []int, scale, zero *Tensor, at, block int) (*steps, error) {
	s := &steps{}
	var err error
	if s.scale, err = floats64(scale); err != nil {
		return nil, err
	}
	if s.zero = make([]float64, len(s.scale)); zero != nil {
		if s.zero, err = floats64(zero); err != nil {
			return nil, err
		}
	}
	if len(s.zero) != len(s.scale) {
		return nil, fmt.Errorf("%d scales and %d zero points", len(s.scale), len(s.zero))
	}
	if len(s.scale) == 1 && block == 0 {
		s.index = func(int) int { return 0 }
		return s, nil
	}
	axis, err := axisOf(at, len(shape))
	if err != nil {
		return nil, err
	}
	_, n, inner := split3(shape, axis)
	if block == 0 {
		if len(s.scale) != n {
			return nil, fmt.Errorf("%d scales for axis %d of %v", len(s.scale), axis, shape)
		}
		s.index = func(i int) int { return i / inner % n }
		return s, nil
	}
	blocks := (n + block - 1) / block
	if len(s.scale)*n != size(shape)*blocks {
		return nil, fmt.Errorf("%d scales for blocks of %d along axis %d of %v", len(s.scale), block, axis, shape)
	}
	s.index = func(i int) int { return (i/inner/n*blocks+i/inner%n/block)*inner + i%inner }
	return s, nil
}

// prepareQuantize prepares QuantizeLinear: saturate(round(x/scale) + zero).
func prepareQuantize(n *Node) (Kernel, error) {
	axis, block := int(n.Int("axis", 1)), int(n.Int("block_size", 0))
	to := DataType(n.Int("output_dtype", int64(onnxgraph.Uint8)))
	return func(c *Call) error {
		typ := to
		if c.Has(2) {
			typ = c.In[2].Type
		}
		return c.quantized(c.In[0], c.In[1], c.Input(2), typ, axis, block)
	}, nil
}

// quantized makes output 0 of x: saturate(round(x/scale) + zero).
func (c *Call) quantized(x, scale, zero *Tensor, typ DataType, axis, block int) error {
	v, err := floats64(x)
	if err != nil {
		return err
	}
	s, err := stepsOf(x.Shape, scale, zero, axis, block)
	if err != nil {
		return err
	}
	y := make([]float64, len(v))
	single := x.Type == onnxgraph.Float32
	for i, f := range v {
		k := s.index(i)
		q := f / s.scale[k]
		if single {
			q = float64(float32(f) / float32(s.scale[k]))
		}
		y[i] = math.RoundToEven(q) + s.zero[k]
	}
	return c.saturated(typ, x.Shape, y)
}

// saturated makes output 0 of an integer type: values beyond its range become
// the ends of it.
func (c *Call) saturated(typ DataType, shape []int, y []float64) error {
	out, err := c.New(0, typ, shape...)
	if err != nil {
		return err
	}
	switch d := out.Data.(type) {
	case []uint8:
		saturate(d, y, typ)
	case []int8:
		saturate(d, y, typ)
	case []uint16:
		saturate(d, y, typ)
	case []int16:
		saturate(d, y, typ)
	default:
		return badType(out)
	}
	return nil
}

func saturate[T integer](d []T, y []float64, typ DataType) {
	lo, hi := float64(least[T]()), float64(greatest[T]())
	switch typ {
	case onnxgraph.Uint4:
		hi = 15
	case onnxgraph.Int4:
		lo, hi = -8, 7
	}
	for i, v := range y {
		d[i] = T(max(lo, min(hi, v)))
	}
}

// prepareDequantize prepares DequantizeLinear: (x - zero) · scale.
func prepareDequantize(n *Node) (Kernel, error) {
	axis, block := int(n.Int("axis", 1)), int(n.Int("block_size", 0))
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		s, err := stepsOf(c.In[0].Shape, c.In[1], c.Input(2), axis, block)
		if err != nil {
			return err
		}
		out, err := c.New(0, c.In[1].Type, c.In[0].Shape...)
		if err != nil {
			return err
		}
		y := make([]float64, len(x))
		for i, v := range x {
			k := s.index(i)
			y[i] = (v - s.zero[k]) * s.scale[k]
		}
		return castFloat(out, y)
	}, nil
}

// spreadOf returns the scale and zero point that spread the range of x, which
// always includes 0, over the bytes.
func spreadOf(x []float32) (scale float32, zero float64) {
	var lo, hi float32
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	if scale = (hi - lo) / 255; scale != 0 {
		zero = math.RoundToEven(max(0, min(255, float64(-lo/scale))))
	}
	return scale, zero
}

// coarsened sets d to what is left of x after DynamicQuantizeLinear.
func coarsened(d, x []float32) []float32 {
	scale, zero := spreadOf(x)
	for i, v := range x {
		if d[i] = 0; scale != 0 {
			q := max(0, min(255, math.RoundToEven(float64(v/scale))+zero))
			d[i] = float32(q-zero) * scale
		}
	}
	return d
}

// prepareDynamicQuantize prepares DynamicQuantizeLinear: uint8 over the range
// of the input, which always includes 0.
func prepareDynamicQuantize(*Node) (Kernel, error) {
	return func(c *Call) error {
		x, ok := c.In[0].Data.([]float32)
		if !ok {
			return badType(c.In[0])
		}
		scale, zero := spreadOf(x)
		y := make([]float64, len(x))
		for i, v := range x {
			if scale != 0 {
				y[i] = math.RoundToEven(float64(v/scale)) + zero
			}
		}
		if err := c.saturated(onnxgraph.Uint8, c.In[0].Shape, y); err != nil {
			return err
		}
		t, err := c.New(1, onnxgraph.Float32)
		if err != nil {
			return err
		}
		t.Data.([]float32)[0] = scale
		if t, err = c.New(2, onnxgraph.Uint8); err == nil {
			t.Data.([]uint8)[0] = uint8(zero)
		}
		return err
	}, nil
}

// prepareIntegerProduct prepares the matrix products and convolutions of
// quantized tensors. All subtract the zero points, multiply, and give the sums
// as they are (…Integer) or rescaled and rounded (QLinear…).
func prepareIntegerProduct(n *Node) (Kernel, error) {
	inner := *n
	inner.Const, inner.Op = nil, "MatMul"
	prepare := Prepare(prepareMatMul)
	conv := n.Op == "ConvInteger" || n.Op == "QLinearConv"
	if conv {
		inner.Op, prepare = "Conv", prepareConv
	}
	run, err := prepare(&inner)
	if err != nil {
		return nil, err
	}
	if n.Op == "MatMulInteger" || n.Op == "ConvInteger" {
		return func(c *Call) error {
			sums, shape, err := centredProduct(c, run, [2]*Tensor{c.In[0], c.In[1]}, [2]*Tensor{c.Input(2), c.Input(3)}, conv)
			if err != nil {
				return err
			}
			out, err := c.New(0, onnxgraph.Int32, shape...)
			if err != nil {
				return err
			}
			return castFloat(out, sums)
		}, nil
	}
	return func(c *Call) error { return rescaledProduct(c, run, conv) }, nil
}

// rescaledProduct runs QLinearMatMul and QLinearConv.
func rescaledProduct(c *Call, run Kernel, conv bool) error {
	sums, shape, err := centredProduct(c, run, [2]*Tensor{c.In[0], c.In[3]}, [2]*Tensor{c.In[2], c.In[5]}, conv)
	if err != nil {
		return err
	}
	var scale [3][]float64 // of a, b and y
	for i, at := range []int{1, 4, 6} {
		if scale[i], err = floats64(c.In[at]); err != nil {
			return err
		}
	}
	zero, err := oneFloat(c.In[7])
	if err != nil {
		return err
	}
	var bias []float64
	if conv && c.Has(8) {
		if bias, err = floats64(c.In[8]); err != nil {
			return err
		}
	}
	// The scale of b runs over the result's columns, or a convolution's channels.
	n, inner := shape[len(shape)-1], 1
	if conv {
		n, inner = shape[1], size(shape[2:])
	}
	if len(scale[0]) != 1 || len(scale[2]) != 1 || len(scale[1]) != 1 && len(scale[1]) != n || bias != nil && len(bias) != n {
		return fmt.Errorf("%d, %d and %d scales for a result of shape %v", len(scale[0]), len(scale[1]), len(scale[2]), shape)
	}
	for i, v := range sums {
		k := i / inner % n
		if bias != nil {
			v += bias[k]
		}
		sums[i] = math.RoundToEven(v*scale[0][0]*scale[1][k%len(scale[1])]/scale[2][0]) + zero
	}
	return c.saturated(c.In[7].Type, shape, sums)
}

// centredProduct multiplies two tensors less their zero points, in float64.
func centredProduct(c *Call, run Kernel, x, zero [2]*Tensor, conv bool) ([]float64, []int, error) {
	var in [2]*Tensor
	for i, t := range x {
		v, err := floats64(t)
		if err != nil {
			return nil, nil, err
		}
		v = slices.Clone(v)
		if zero[i] != nil {
			at := len(t.Shape) - 2 + i // rows of a, columns of b
			if conv {
				at = 0
			}
			s, err := stepsOf(t.Shape, &Tensor{Type: onnxgraph.Float64, Data: slices.Repeat([]float64{1}, size(zero[i].Shape))}, zero[i], at, 0)
			if err != nil {
				return nil, nil, err
			}
			for k := range v {
				v[k] -= s.zero[s.index(k)]
			}
		}
		in[i] = &Tensor{Type: onnxgraph.Float64, Shape: t.Shape, Data: v}
	}
	sub := c.sub(in[:]...)
	if err := run(sub); err != nil {
		return nil, nil, err
	}
	sub.End()
	out := sub.Out[0].Detach()
	return out.Data.([]float64), out.Shape, nil
}
