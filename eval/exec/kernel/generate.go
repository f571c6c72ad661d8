package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// generating is the table of the operators that make tensors out of little.
var generating = ops{
	"Range":   compute(prepareRange),
	"EyeLike": move(prepareEyeLike),
}

// prepareOneHot prepares OneHot. Indices out of range give rows of off values.
func prepareOneHot(n *Node) (Kernel, error) {
	at := int(n.Int("axis", -1))
	return func(c *Call) error {
		index, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		depth, err := oneFloat(c.In[1])
		if err != nil {
			return err
		}
		values, from := c.In[2], c.In[0].Shape
		axis, err := axisOf(at, len(from)+1)
		if err != nil {
			return err
		}
		if length(values.Data) != 2 || depth < 0 {
			return fmt.Errorf("%d values for depth %g", length(values.Data), depth)
		}
		shape := slices.Insert(slices.Clone(from), axis, int(depth))
		out, err := c.New(0, values.Type, shape...)
		if err != nil {
			return err
		}
		outer, n, inner := split3(shape, axis)
		copyBlocks(c, out, values, outer*n*inner, 1, func(b int) int {
			i := index[b/(n*inner)*inner+b%inner]
			if i < 0 {
				i += depth
			}
			if int(i) == b/inner%n && i >= 0 {
				return 1
			}
			return 0
		})
		return nil
	}, nil
}

// prepareNonZero prepares NonZero: the index tuples of the elements that are
// not zero, one column each.
func prepareNonZero(*Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.In[0]
		at, err := nonZero(x)
		if err != nil {
			return err
		}
		step := strides(x.Shape)
		out, err := c.New(0, onnxgraph.Int64, len(x.Shape), len(at))
		if err != nil {
			return err
		}
		d := out.Data.([]int64)
		for axis, s := range step {
			for k, i := range at {
				d[axis*len(at)+k] = int64(i / s % x.Shape[axis])
			}
		}
		return nil
	}, nil
}

func nonZero(x *Tensor) ([]int, error) {
	var at []int
	if b, ok := x.Data.([]bool); ok {
		for i, v := range b {
			if v {
				at = append(at, i)
			}
		}
		return at, nil
	}
	f, err := floats64(x)
	for i, v := range f {
		if v != 0 {
			at = append(at, i)
		}
	}
	return at, err
}

func prepareRange(*Node) (Kernel, error) {
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return rangeOf[float32](c)
		case []float64:
			return rangeOf[float64](c)
		case []int16:
			return rangeOf[int16](c)
		case []int32:
			return rangeOf[int32](c)
		case []int64:
			return rangeOf[int64](c)
		}
		return badType(c.In[0])
	}, nil
}

func rangeOf[T number](c *Call) error {
	var args [3]T
	for i := range args {
		v, ok := c.In[i].Data.([]T)
		if !ok || len(v) != 1 {
			return fmt.Errorf("input %d must be one element of type %v", i, c.In[0].Type)
		}
		args[i] = v[0]
	}
	start, limit, delta := args[0], args[1], args[2]
	if delta == 0 {
		return fmt.Errorf("range with step 0")
	}
	n := max(0, math.Ceil((float64(limit)-float64(start))/float64(delta)))
	if !(n < math.MaxInt32) {
		return fmt.Errorf("range of %g elements", n)
	}
	out, err := c.New(0, c.In[0].Type, int(n))
	if err != nil {
		return err
	}
	for i, d := 0, out.Data.([]T); i < len(d); i++ {
		d[i] = start + T(i)*delta
	}
	return nil
}

func prepareEyeLike(n *Node) (Kernel, error) {
	typ, k := DataType(n.Int("dtype", 0)), int(n.Int("k", 0))
	return func(c *Call) error {
		x, to := c.In[0], typ
		if to == 0 {
			to = x.Type
		}
		if len(x.Shape) != 2 || sliceType(to) == nil {
			return fmt.Errorf("shape %v and type %v, want a matrix of numbers", x.Shape, to)
		}
		out, err := c.Zeros(0, to, x.Shape...)
		if err != nil {
			return err
		}
		one := &Tensor{Type: to, Shape: nil, Data: makeData(sliceType(to), 1)}
		if err := castNumber(one, []float32{1}); err != nil {
			return err
		}
		rows, cols := x.Shape[0], x.Shape[1]
		first := max(0, -k)
		diagonal := region{off: first*cols + first + k, strides: []int{cols + 1}}
		length := max(0, min(rows-first, cols-first-k))
		copyRegion(c, out, diagonal, one, region{strides: []int{0}}, []int{length})
		return nil
	}, nil
}
