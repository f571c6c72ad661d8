package kernel

import (
	"fmt"
	"slices"
)

// preparePad prepares Pad. Pads are attributes before opset 11 and inputs
// since; a negative pad cuts off.
func preparePad(n *Node) (Kernel, error) {
	mode := n.String("mode", "constant")
	list := n.Ints("pads")
	if n.Version < 2 {
		list = n.Ints("paddings")
	}
	value := float64(n.Float("value", 0))
	return func(c *Call) error {
		x := c.In[0]
		pads, err := c.padding(list)
		if err != nil {
			return err
		}
		shape := make([]int, len(x.Shape))
		for i, d := range x.Shape {
			if shape[i] = d + pads[i] + pads[i+len(shape)]; shape[i] < 0 {
				return fmt.Errorf("cannot pad %v by %v", x.Shape, pads)
			}
		}
		if mode == "constant" {
			return c.padConstant(pads, shape, value)
		}
		return c.padMirror(mode, pads, shape)
	}, nil
}

// padding returns the pads for every axis: all starts, then all ends.
func (c *Call) padding(list []int) ([]int, error) {
	rank := len(c.In[0].Shape)
	pads, err := c.intsAt(list, 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.intsAt(nil, 3)
	if err != nil {
		return nil, err
	}
	if axes == nil {
		if len(pads) != 2*rank {
			return nil, fmt.Errorf("%d pads for shape %v", len(pads), c.In[0].Shape)
		}
		return pads, nil
	}
	if len(pads) != 2*len(axes) {
		return nil, fmt.Errorf("%d pads for %d axes", len(pads), len(axes))
	}
	all := make([]int, 2*rank)
	for i, a := range axes {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		all[axis], all[rank+axis] = pads[i], pads[len(axes)+i]
	}
	return all, nil
}

func (c *Call) padConstant(pads, shape []int, value float64) error {
	x := c.In[0]
	with := &Tensor{Type: x.Type, Data: makeData(sliceType(x.Type), 1)}
	if c.Has(2) {
		if with = c.In[2]; with.Type != x.Type || length(with.Data) != 1 {
			return fmt.Errorf("the padding value must be one element of type %v", x.Type)
		}
	} else if value != 0 {
		if err := castNumber(with, []float64{value}); err != nil {
			return err
		}
	}
	out, err := c.New(0, x.Type, shape...)
	if err != nil {
		return err
	}
	fill(out, with)
	to, from, walk := whole(shape), whole(x.Shape), slices.Clone(x.Shape)
	for i := range shape {
		before, after := pads[i], pads[i+len(shape)]
		to.off += max(0, before) * to.strides[i]
		from.off += max(0, -before) * from.strides[i]
		walk[i] = max(0, x.Shape[i]+min(0, before)+min(0, after))
	}
	copyRegion(c, out, to, x, from, walk)
	return nil
}

// padMirror pads with elements of the tensor itself: of what is left of it,
// where other pads are negative.
func (c *Call) padMirror(mode string, pads, shape []int) error {
	x := c.In[0]
	source := make([][]int, len(shape)) // by axis, the source index of each place
	for i, n := range shape {
		if err := c.room(n); err != nil {
			return err
		}
		source[i] = make([]int, n)
		before, after := pads[i], pads[i+len(shape)]
		first := max(0, -before)
		left := x.Shape[i] - first - max(0, -after)
		for j := range n {
			k, err := mirror(mode, j-max(0, before), left)
			if err != nil {
				return err
			}
			source[i][j] = first + k
		}
	}
	out, err := c.New(0, x.Type, shape...)
	if err != nil {
		return err
	}
	if size(shape) == 0 {
		return nil
	}
	if err := c.room(shape...); err != nil {
		return err
	}
	index := make([]int, size(shape))
	stride := strides(x.Shape)
	block := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		for j := shape[axis] - 1; j >= 0; j-- {
			for k := range block {
				index[j*block+k] = index[k] + source[axis][j]*stride[axis]
			}
		}
		block *= shape[axis]
	}
	return pick(out, x, index)
}

// mirror returns the index inside 0…n-1 that stands at place i.
func mirror(mode string, i, n int) (int, error) {
	if n <= 0 {
		return 0, fmt.Errorf("cannot pad an axis of size 0 by mode %s", mode)
	}
	switch mode {
	case "edge":
		return bound1(i, n-1), nil
	case "wrap":
		return ((i % n) + n) % n, nil
	case "reflect":
		if n == 1 {
			return 0, nil
		}
		period := 2 * (n - 1)
		i = ((i % period) + period) % period
		return min(i, period-i), nil
	}
	return 0, fmt.Errorf("mode %q", mode)
}

// pick fills dst with elements of src by their offsets.
func pick(dst, src *Tensor, index []int) error {
	switch d := words(dst.Data).(type) {
	case []uint8:
		pickWords(d, words(src.Data).([]uint8), index)
	case []uint16:
		pickWords(d, words(src.Data).([]uint16), index)
	case []uint32:
		pickWords(d, words(src.Data).([]uint32), index)
	case []uint64:
		pickWords(d, words(src.Data).([]uint64), index)
	case []string:
		pickWords(d, src.Data.([]string), index)
	default:
		return badType(src)
	}
	return nil
}

func pickWords[T any](d, x []T, index []int) {
	for i, j := range index {
		d[i] = x[j]
	}
}
