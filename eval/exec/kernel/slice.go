package kernel

import (
	"fmt"
	"slices"
)

// prepareSlice prepares Slice, whose bounds are attributes before opset 10 and
// inputs since.
func prepareSlice(n *Node) (Kernel, error) {
	starts, ends, axes := n.Ints("starts"), n.Ints("ends"), n.Ints("axes")
	return func(c *Call) error {
		var args [4][]int
		for i, list := range [][]int{starts, ends, axes, nil} {
			var err error
			if args[i], err = c.intsAt(list, i+1); err != nil {
				return err
			}
		}
		shape, from, err := slicing(c.In[0].Shape, args[0], args[1], args[2], args[3])
		if err != nil {
			return err
		}
		if equalShape(shape, c.In[0].Shape) && from.off == 0 {
			return c.Alias(0, 0, shape)
		}
		out, err := c.New(0, c.In[0].Type, shape...)
		if err != nil {
			return err
		}
		copyRegion(c, out, whole(shape), c.In[0], from, shape)
		return nil
	}, nil
}

// slicing returns the shape and the place of a part of a tensor. Bounds count
// from the end when negative and are clamped to the axis.
func slicing(shape, starts, ends, axes, steps []int) ([]int, region, error) {
	part, from := slices.Clone(shape), whole(shape)
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		return nil, from, fmt.Errorf("slice with %d starts, %d ends, %d axes and %d steps",
			len(starts), len(ends), len(axes), len(steps))
	}
	for i, a := range axes {
		axis, err := axisOf(a, len(shape))
		if err != nil {
			return nil, from, err
		}
		lo, n, err := extent(starts[i], ends[i], steps[i], shape[axis])
		if err != nil {
			return nil, from, err
		}
		part[axis] = n
		from.off += lo * from.strides[axis]
		from.strides[axis] *= steps[i]
	}
	return part, from, nil
}

// extent resolves one axis of a slice to its first index and its length.
func extent(start, end, step, d int) (first, n int, err error) {
	if step == 0 {
		return 0, 0, fmt.Errorf("slice with step 0")
	}
	if step > 0 {
		lo, hi := bound(start, d), bound(end, d)
		return lo, max(0, (hi-lo+step-1)/step), nil
	}
	clamp := func(i int) int {
		if i < 0 {
			i += d
		}
		return max(-1, min(d-1, i))
	}
	hi, lo := clamp(start), clamp(end)
	if d > 0 {
		hi = max(0, hi) // a start before the axis is its first element
	}
	return hi, max(0, (hi-lo+(-step)-1)/-step), nil
}

// prepareTrilu prepares Trilu: one triangle of each matrix is kept.
func prepareTrilu(n *Node) (Kernel, error) {
	upper := n.Int("upper", 1) != 0
	return func(c *Call) error {
		x, k := c.In[0], 0
		if c.Has(1) {
			var err error
			if k, err = oneInt(c.In[1]); err != nil {
				return err
			}
		}
		if len(x.Shape) < 2 {
			return fmt.Errorf("shape %v, want a matrix", x.Shape)
		}
		out, err := c.Zeros(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		rank := len(x.Shape)
		rows, cols := x.Shape[rank-2], x.Shape[rank-1]
		lead := size(x.Shape[:rank-2])
		for r := range rows {
			lo, hi := 0, bound1(r+k+1, cols)
			if upper {
				lo, hi = bound1(r+k, cols), cols
			}
			part := region{off: r*cols + lo, strides: []int{rows * cols, 1}}
			copyRegion(c, out, part, x, part, []int{lead, hi - lo})
		}
		return nil
	}, nil
}

func bound1(i, n int) int { return max(0, min(n, i)) }

// prepareReverseSequence prepares ReverseSequence: of each example the first
// sequence_lens elements of the time axis are turned round.
func prepareReverseSequence(n *Node) (Kernel, error) {
	batch, time := int(n.Int("batch_axis", 1)), int(n.Int("time_axis", 0))
	if batch+time != 1 || batch*time != 0 {
		return nil, fmt.Errorf("batch axis %d and time axis %d, want 0 and 1", batch, time)
	}
	return func(c *Call) error {
		x := c.In[0]
		lens, err := ints(c.In[1])
		if err != nil {
			return err
		}
		if len(x.Shape) < 2 || len(lens) != x.Shape[batch] {
			return fmt.Errorf("%d lengths for shape %v", len(lens), x.Shape)
		}
		out, err := c.New(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		all := whole(x.Shape)
		for b, n := range lens {
			if n < 0 || n > x.Shape[time] {
				return fmt.Errorf("length %d of %d steps", n, x.Shape[time])
			}
			rest := append([]int{n}, x.Shape[2:]...)
			to := region{off: b * all.strides[batch], strides: append([]int{all.strides[time]}, all.strides[2:]...)}
			from := region{off: to.off + (n-1)*to.strides[0], strides: append([]int{-to.strides[0]}, all.strides[2:]...)}
			copyRegion(c, out, to, x, from, rest)
			to.off += n * to.strides[0]
			rest[0] = x.Shape[time] - n
			copyRegion(c, out, to, x, to, rest)
		}
		return nil
	}, nil
}
