package kernel

import (
	"fmt"
	"slices"
)

// axisOf resolves an axis counted from the end.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// axesOf resolves several axes, which must differ, and sorts them.
func axesOf(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		var err error
		if out[i], err = axisOf(a, rank); err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			return nil, fmt.Errorf("axis %d is named twice in %v", out[i], axes)
		}
	}
	return out, nil
}

// ints reads an integer tensor.
func ints(t *Tensor) ([]int, error) {
	switch x := t.Data.(type) {
	case []int64:
		return toInts(x), nil
	case []int32:
		out := make([]int, len(x))
		for i, v := range x {
			out[i] = int(v)
		}
		return out, nil
	}
	return nil, fmt.Errorf("integers expected, got elements of type %v", t.Type)
}

// oneInt reads an integer tensor of one element.
func oneInt(t *Tensor) (int, error) {
	v, err := ints(t)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("one integer expected, got %d", len(v))
	}
	return v[0], nil
}

// intsAt reads integers from an attribute (list) if the node has it, else from
// input i; absent both, it returns nil.
func (c *Call) intsAt(list []int, i int) ([]int, error) {
	if list != nil || !c.Has(i) {
		return list, nil
	}
	return ints(c.In[i])
}

// split3 splits a shape at an axis into the sizes before, at and after it.
func split3(shape []int, axis int) (outer, n, inner int) {
	return size(shape[:axis]), shape[axis], size(shape[axis+1:])
}

// oneFloat reads a floating-point or integer tensor of one element.
func oneFloat(t *Tensor) (float64, error) {
	v, err := floats64(t)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("one number expected, got %d", len(v))
	}
	return v[0], nil
}

// floats64 reads any tensor of numbers.
func floats64(t *Tensor) ([]float64, error) {
	switch x := t.Data.(type) {
	case []float32:
		return convert[float64](x), nil
	case []float64:
		return x, nil
	case []int8:
		return convert[float64](x), nil
	case []int16:
		return convert[float64](x), nil
	case []int32:
		return convert[float64](x), nil
	case []int64:
		return convert[float64](x), nil
	case []uint8:
		return convert[float64](x), nil
	case []uint16:
		if t.Type != 4 {
			return convert[float64](widen(t)), nil
		}
		return convert[float64](x), nil
	case []uint32:
		return convert[float64](x), nil
	case []uint64:
		return convert[float64](x), nil
	}
	return nil, badType(t)
}

// convert converts numbers as Go does.
func convert[D, A number](x []A) []D {
	out := make([]D, len(x))
	for i, v := range x {
		out[i] = D(v)
	}
	return out
}
