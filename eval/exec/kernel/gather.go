package kernel

import (
	"fmt"
	"slices"
)

// indexing is the table of the operators that read or write at indices given
// by a tensor.
var indexing = ops{
	"Gather":          move(prepareGather),
	"GatherElements":  move(prepareGatherElements),
	"GatherND":        move(prepareGatherND),
	"Scatter":         compute(prepareScatterElements),
	"ScatterElements": compute(prepareScatterElements),
	"ScatterND":       compute(prepareScatterND),
	"OneHot":          move(prepareOneHot),
	"NonZero":         compute(prepareNonZero),
	"Compress":        move(prepareCompress),
}

// indexOf resolves an index counted from the end.
func indexOf(i, n int) (int, error) {
	if i < -n || i >= n {
		return 0, fmt.Errorf("index %d of %d", i, n)
	}
	if i < 0 {
		i += n
	}
	return i, nil
}

func prepareGather(n *Node) (Kernel, error) {
	at := int(n.Int("axis", 0))
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		index, err := ints(c.In[1])
		if err != nil {
			return err
		}
		outer, n, inner := split3(x.Shape, axis)
		for k, i := range index {
			if index[k], err = indexOf(i, n); err != nil {
				return err
			}
		}
		shape := slices.Concat(x.Shape[:axis], c.In[1].Shape, x.Shape[axis+1:])
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyBlocks(c, out, x, outer*len(index), inner, func(row int) int {
			return (row/len(index)*n + index[row%len(index)]) * inner
		})
		return nil
	}, nil
}

// copyBlocks fills out with blocks of x: block b starts at offset from(b).
func copyBlocks(c *Call, out, x *Tensor, blocks, block int, from func(b int) int) {
	if blocks*block == 0 {
		return
	}
	switch d := words(out.Data).(type) {
	case []uint8:
		copyBlocksOf(c, d, words(x.Data).([]uint8), blocks, block, from)
	case []uint16:
		copyBlocksOf(c, d, words(x.Data).([]uint16), blocks, block, from)
	case []uint32:
		copyBlocksOf(c, d, words(x.Data).([]uint32), blocks, block, from)
	case []uint64:
		copyBlocksOf(c, d, words(x.Data).([]uint64), blocks, block, from)
	case []string:
		copyBlocksOf(c, d, x.Data.([]string), blocks, block, from)
	}
}

func copyBlocksOf[T any](c *Call, d, x []T, blocks, block int, from func(b int) int) {
	c.Parallel(blocks, block, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			at := from(b)
			copy(d[b*block:][:block], x[at:][:block])
		}
	})
}

func prepareGatherElements(n *Node) (Kernel, error) {
	at := int(n.Int("axis", 0))
	return func(c *Call) error {
		x, shape := c.In[0], c.In[1].Shape
		index, err := elementOffsets(x.Shape, c.In[1], at)
		if err != nil {
			return err
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		return pick(out, x, index)
	}, nil
}

// elementOffsets returns the offset in a tensor of the given shape of every
// element that GatherElements and ScatterElements name: the place of the index
// itself, with its value along the axis.
func elementOffsets(shape []int, indices *Tensor, at int) ([]int, error) {
	axis, err := axisOf(at, len(shape))
	if err != nil {
		return nil, err
	}
	if len(indices.Shape) != len(shape) {
		return nil, fmt.Errorf("indices of shape %v for a tensor of shape %v", indices.Shape, shape)
	}
	for i, d := range indices.Shape {
		if i != axis && d > shape[i] {
			return nil, fmt.Errorf("indices of shape %v for a tensor of shape %v", indices.Shape, shape)
		}
	}
	index, err := ints(indices)
	if err != nil || len(index) == 0 {
		return nil, err
	}
	step := strides(shape)
	along := step[axis]
	step[axis] = 0
	l := &loops{dims: append(slices.Clone(indices.Shape), 1), strides: [][]int{append(step, 0)}}
	l.each(0, len(index), func(row int, off []int) {
		i, bad := indexOf(index[row], shape[axis])
		if bad != nil && err == nil {
			err = bad
		}
		index[row] = off[0] + i*along
	})
	return index, err
}

func prepareGatherND(n *Node) (Kernel, error) {
	batch := int(n.Int("batch_dims", 0))
	return func(c *Call) error {
		x, idx := c.In[0], c.In[1]
		if len(idx.Shape) <= batch || len(x.Shape) <= batch || !equalShape(x.Shape[:batch], idx.Shape[:batch]) {
			return fmt.Errorf("indices of shape %v for a tensor of shape %v", idx.Shape, x.Shape)
		}
		last := idx.Shape[len(idx.Shape)-1]
		offsets, err := tupleOffsets(x.Shape[batch:], idx)
		if err != nil {
			return err
		}
		lead := size(x.Shape[:batch])
		each := size(x.Shape[batch:])
		shape := slices.Concat(idx.Shape[:len(idx.Shape)-1], x.Shape[batch+last:])
		out, err := c.New(0, x.Type, shape...)
		if err != nil || len(offsets) == 0 {
			return err
		}
		per := len(offsets) / lead
		copyBlocks(c, out, x, len(offsets), size(x.Shape[batch+last:]), func(b int) int {
			return b/per*each + offsets[b]
		})
		return nil
	}, nil
}

// tupleOffsets returns the offset that each index tuple (the last axis of
// indices) names in a tensor of the given shape.
func tupleOffsets(shape []int, indices *Tensor) ([]int, error) {
	if len(indices.Shape) == 0 {
		return nil, fmt.Errorf("indices without an axis")
	}
	last := indices.Shape[len(indices.Shape)-1]
	if last > len(shape) {
		return nil, fmt.Errorf("indices of shape %v for a tensor of shape %v", indices.Shape, shape)
	}
	index, err := ints(indices)
	if err != nil {
		return nil, err
	}
	step := strides(shape)
	out := make([]int, size(indices.Shape[:len(indices.Shape)-1]))
	for t := range out {
		for k := range last {
			i, err := indexOf(index[t*last+k], shape[k])
			if err != nil {
				return nil, err
			}
			out[t] += i * step[k]
		}
	}
	return out, nil
}

func prepareCompress(n *Node) (Kernel, error) {
	flat, at := !n.HasAttr("axis"), int(n.Int("axis", 0))
	return func(c *Call) error {
		x, shape := c.In[0], c.In[0].Shape
		if flat {
			shape = []int{size(shape)}
		}
		axis, err := axisOf(at, len(shape))
		if err != nil {
			return err
		}
		keep, ok := c.In[1].Data.([]bool)
		if !ok {
			return badType(c.In[1])
		}
		var index []int
		for i, k := range keep {
			if k && i < shape[axis] {
				index = append(index, i)
			}
		}
		outer, n, inner := split3(shape, axis)
		shape = slices.Clone(shape)
		shape[axis] = len(index)
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyBlocks(c, out, x, outer*len(index), inner, func(row int) int {
			return (row/len(index)*n + index[row%len(index)]) * inner
		})
		return nil
	}, nil
}
