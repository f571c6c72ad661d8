package kernel

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// bounded is the table of Pow and Clip, whose operands may differ in type or
// be absent.
var bounded = ops{
	"Pow":  compute(placed(preparePow)),
	"Clip": compute(prepareClip),
}

// preparePow prepares Pow. The result has the type of the base; the exponent
// is brought to that type, or to float64 when the base is an integer.
func preparePow(*Node) (Kernel, error) {
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return floatPow[float32](c)
		case []float64:
			return floatPow[float64](c)
		case []int32:
			return intPow[int32](c)
		case []int64:
			return intPow[int64](c)
		}
		return badType(c.In[0])
	}, nil
}

func floatPow[T float](c *Call) error {
	typ := c.In[0].Type
	if y, ok := c.In[1].Data.([]T); ok && len(y) == 1 && (y[0] == 2 || y[0] == 0.5) && len(c.In[1].Shape) <= len(c.In[0].Shape) {
		if x, ok := c.In[0].Data.([]float32); ok && len(x) > 0 && y[0] == 2 {
			return apply(c, typ, 1, func(d, x []float32) { f32.Mul(d, x, x) })
		}
		if y[0] == 2 {
			return apply(c, typ, 1, rowOf(func(x T) T { return x * x }))
		}
		return apply(c, typ, 1, rowOf(func(x T) T { return T(math.Sqrt(float64(x))) }))
	}
	if c.In[1].Type != typ {
		y, err := floats64(c.In[1])
		if err != nil {
			return err
		}
		c.In[1] = &Tensor{Type: typ, Shape: c.In[1].Shape, Data: convert[T](y)}
		c.Last[1] = false
	}
	return zip(c, typ, row2Of(func(x, y T) T { return T(math.Pow(float64(x), float64(y))) }))
}

func intPow[T integer](c *Call) error {
	typ := c.In[0].Type
	if _, ok := c.In[1].Data.([]T); ok {
		return zip(c, typ, row2Of(integerPower[T]))
	}
	y, err := floats64(c.In[1])
	if err != nil {
		return err
	}
	c.In[1] = &Tensor{Type: onnxgraph.Float64, Shape: c.In[1].Shape, Data: y}
	c.Last[1] = false
	return zip(c, typ, row2Of(func(x T, y float64) T { return T(math.Pow(float64(x), y)) }))
}

// integerPower multiplies by squaring; a negative power of anything but ±1 is 0.
func integerPower[T integer](x, y T) T {
	if y < 0 {
		switch {
		case x == 1 || x+1 == 0 && y%2 == 0:
			return 1
		case x+1 == 0:
			return x
		}
		return 0
	}
	r := T(1)
	for ; y > 0; y /= 2 {
		if y%2 == 1 {
			r *= x
		}
		x *= x
	}
	return r
}

// prepareClip prepares Clip, whose bounds are attributes before opset 11 and
// optional inputs since.
func prepareClip(n *Node) (Kernel, error) {
	if n.Version < 11 {
		lo, hi := n.Float("min", -math.MaxFloat32), n.Float("max", math.MaxFloat32)
		return func(c *Call) error {
			switch c.In[0].Data.(type) {
			case []float32:
				return apply(c, c.In[0].Type, 1, clipRow(lo, hi))
			case []float64:
				return apply(c, c.In[0].Type, 1, clipRow(float64(lo), float64(hi)))
			}
			return badType(c.In[0])
		}, nil
	}
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return clip[float32](c, float32(math.Inf(-1)), float32(math.Inf(1)))
		case []float64:
			return clip(c, math.Inf(-1), math.Inf(1))
		case []int8:
			return clip[int8](c, math.MinInt8, math.MaxInt8)
		case []int16:
			return clip[int16](c, math.MinInt16, math.MaxInt16)
		case []int32:
			return clip[int32](c, math.MinInt32, math.MaxInt32)
		case []int64:
			return clip[int64](c, math.MinInt64, math.MaxInt64)
		case []uint8:
			return clip[uint8](c, 0, math.MaxUint8)
		case []uint16:
			return clip[uint16](c, 0, math.MaxUint16)
		case []uint32:
			return clip[uint32](c, 0, math.MaxUint32)
		case []uint64:
			return clip[uint64](c, 0, math.MaxUint64)
		}
		return badType(c.In[0])
	}, nil
}

// clip bounds input 0 by inputs 1 and 2 where they are given.
func clip[T number](c *Call, lo, hi T) error {
	for i, bound := range []*T{&lo, &hi} {
		if !c.Has(i + 1) {
			continue
		}
		v, ok := c.In[i+1].Data.([]T)
		if !ok || len(v) != 1 {
			return fmt.Errorf("input %d must be one element of type %v", i+1, c.In[0].Type)
		}
		*bound = v[0]
	}
	return apply(c, c.In[0].Type, 1, clipRow(lo, hi))
}

func clipRow[T number](lo, hi T) func(d, x []T) {
	return func(d, x []T) {
		d = d[:len(x)]
		for i, v := range x {
			d[i] = min(max(v, lo), hi)
		}
	}
}
