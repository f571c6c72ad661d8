package kernel

import (
	"fmt"
	"slices"
)

// Stack joins tensors of one type and shape along a new axis.
func Stack(parts []*Tensor, axis int) (*Tensor, error) {
	first := parts[0]
	axis, err := axisOf(axis, len(first.Shape)+1)
	if err != nil {
		return nil, err
	}
	out, err := Empty(first.Type, slices.Insert(slices.Clone(first.Shape), axis, len(parts)))
	if err != nil {
		return nil, err
	}
	to := whole(out.Shape)
	step := to.strides[axis]
	to.strides = slices.Delete(to.strides, axis, axis+1)
	for i, t := range parts {
		if t.Type != first.Type || !equalShape(t.Shape, first.Shape) {
			return nil, fmt.Errorf("cannot stack %v of type %v and %v of type %v", first.Shape, first.Type, t.Shape, t.Type)
		}
		to.off = i * step
		copyRegion(&Call{Threads: 1}, out, to, t, whole(t.Shape), t.Shape)
	}
	return out, nil
}

// Part returns the elements of index i along an axis, which the result lacks.
func Part(t *Tensor, axis, i int) (*Tensor, error) {
	axis, err := axisOf(axis, len(t.Shape))
	if err != nil {
		return nil, err
	}
	out, err := Empty(t.Type, slices.Delete(slices.Clone(t.Shape), axis, axis+1))
	if err != nil {
		return nil, err
	}
	from := whole(t.Shape)
	from.off = i * from.strides[axis]
	from.strides = slices.Delete(from.strides, axis, axis+1)
	copyRegion(&Call{Threads: 1}, out, whole(out.Shape), t, from, out.Shape)
	return out, nil
}

// Empty makes a tensor of zeros.
func Empty(typ DataType, shape []int) (*Tensor, error) {
	n, err := elements(shape)
	if err != nil {
		return nil, err
	}
	st := sliceType(typ)
	if st == nil {
		return nil, fmt.Errorf("element type %v is not supported", typ)
	}
	return &Tensor{Type: typ, Shape: shape, Data: makeData(st, n)}, nil
}
