package kernel

import (
	"fmt"
	"slices"
)

// arranging is the table of the operators that put elements in another order,
// repeat them, or leave some out, by their position alone.
var arranging = ops{
	"Transpose":       move(prepareTranspose),
	"Concat":          move(prepareConcat),
	"Split":           move(prepareSplit),
	"Slice":           move(prepareSlice),
	"Tile":            move(prepareTile),
	"DepthToSpace":    move(prepareDepthToSpace),
	"SpaceToDepth":    move(prepareSpaceToDepth),
	"Crop":            move(prepareCrop),
	"Trilu":           move(prepareTrilu),
	"ReverseSequence": move(prepareReverseSequence),
	"Pad":             move(preparePad),
}

func prepareTranspose(n *Node) (Kernel, error) {
	order := n.Ints("perm")
	return func(c *Call) error {
		x, perm := c.In[0], order
		if perm == nil {
			for i := len(x.Shape) - 1; i >= 0; i-- {
				perm = append(perm, i)
			}
		}
		return transpose(c, x, perm)
	}, nil
}

// transpose makes output 0 of x with its axes in the order perm.
func transpose(c *Call, x *Tensor, perm []int) error {
	if axes, err := axesOf(perm, len(x.Shape)); err != nil || len(axes) != len(x.Shape) {
		return fmt.Errorf("cannot transpose %v by %v", x.Shape, perm)
	}
	from, shape, steps := strides(x.Shape), make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], steps[i] = x.Shape[p], from[p]
	}
	if moved := slices.DeleteFunc(slices.Clone(perm), func(p int) bool { return x.Shape[p] == 1 }); slices.IsSorted(moved) && x == c.Input(0) {
		return c.Alias(0, 0, shape) // only axes of size 1 move
	}
	out, err := c.New(0, x.Type, shape...)
	if err != nil {
		return err
	}
	copyRegion(c, out, whole(shape), x, region{strides: steps}, shape)
	return nil
}

func prepareConcat(n *Node) (Kernel, error) {
	at := int(n.Int("axis", 1)) // opset 1 has a default
	return func(c *Call) error {
		first := c.In[0]
		axis, err := axisOf(at, len(first.Shape))
		if err != nil {
			return err
		}
		shape := slices.Clone(first.Shape)
		for _, t := range c.In[1:] {
			if t.Type != first.Type || len(t.Shape) != len(shape) {
				return fmt.Errorf("cannot join %v of type %v and %v of type %v", first.Shape, first.Type, t.Shape, t.Type)
			}
			shape[axis] += t.Shape[axis]
			for i, d := range t.Shape {
				if i != axis && d != shape[i] {
					return fmt.Errorf("cannot join %v and %v along axis %d", first.Shape, t.Shape, axis)
				}
			}
		}
		out, err := c.New(0, first.Type, shape...)
		if err != nil {
			return err
		}
		to := whole(shape)
		for _, t := range c.In {
			copyRegion(c, out, to, t, whole(t.Shape), t.Shape)
			to.off += t.Shape[axis] * to.strides[axis]
		}
		return nil
	}, nil
}

func prepareSplit(n *Node) (Kernel, error) {
	at, list := int(n.Int("axis", 0)), n.Ints("split")
	outputs := int(n.Int("num_outputs", int64(len(n.Wanted))))
	if outputs < 1 || outputs > len(n.Wanted) {
		return nil, fmt.Errorf("num_outputs is %d, the node has %d", outputs, len(n.Wanted))
	}
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		sizes, err := c.intsAt(list, 1)
		if err != nil {
			return err
		}
		if sizes == nil {
			each := (x.Shape[axis] + outputs - 1) / outputs
			for rest := x.Shape[axis]; len(sizes) < outputs; rest -= each {
				sizes = append(sizes, max(0, min(each, rest)))
			}
		}
		from, sum := whole(x.Shape), 0
		for i, n := range sizes {
			if sum += n; n < 0 || sum > x.Shape[axis] {
				return fmt.Errorf("cannot split axis %d of %v into %v", axis, x.Shape, sizes)
			}
			shape := slices.Clone(x.Shape)
			shape[axis] = n
			if i < len(c.Out) {
				out, err := c.New(i, x.Type, shape...)
				if err != nil {
					return err
				}
				copyRegion(c, out, whole(shape), x, from, shape)
			}
			from.off += n * from.strides[axis]
		}
		return nil
	}, nil
}

func prepareTile(n *Node) (Kernel, error) {
	old := n.Version < 6 // inputs tiles and axis
	return func(c *Call) error {
		x := c.In[0]
		repeats, err := ints(c.In[1])
		if err != nil {
			return err
		}
		if old {
			axis, err := oneInt(c.In[2])
			if err != nil || axis < 0 || axis >= len(x.Shape) || len(repeats) != 1 {
				return fmt.Errorf("tile by %v along axis %d of %v", repeats, axis, x.Shape)
			}
			times := repeats[0]
			repeats = slices.Repeat([]int{1}, len(x.Shape))
			repeats[axis] = times
		}
		if len(repeats) != len(x.Shape) {
			return fmt.Errorf("tile %v by %v", x.Shape, repeats)
		}
		var shape, walk, steps []int
		from := strides(x.Shape)
		for i, d := range x.Shape {
			shape = append(shape, d*repeats[i])
			walk = append(walk, repeats[i], d)
			steps = append(steps, 0, from[i])
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyRegion(c, out, whole(walk), x, region{strides: steps}, walk)
		return nil
	}, nil
}

// prepareCrop prepares Crop of opset 1: the border (left, top, right, bottom)
// is cut off, or a part of the given scale is taken from its corner.
func prepareCrop(n *Node) (Kernel, error) {
	border, scale := n.Ints("border"), n.Ints("scale")
	if len(border) != 4 || scale != nil && len(scale) != 2 {
		return nil, fmt.Errorf("border %v and scale %v, want four numbers and none or two", border, scale)
	}
	return func(c *Call) error {
		x := c.In[0]
		if len(x.Shape) != 4 {
			return fmt.Errorf("shape %v, want four axes", x.Shape)
		}
		shape := slices.Clone(x.Shape)
		shape[2] -= border[1] + border[3]
		shape[3] -= border[0] + border[2]
		if scale != nil {
			shape[2], shape[3] = scale[0], scale[1]
		}
		if border[0] < 0 || border[1] < 0 || shape[2] < 0 || shape[3] < 0 ||
			border[1]+shape[2] > x.Shape[2] || border[0]+shape[3] > x.Shape[3] {
			return fmt.Errorf("cannot crop %v by %v", x.Shape, border)
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		from := whole(x.Shape)
		from.off = border[1]*from.strides[2] + border[0]
		copyRegion(c, out, whole(shape), x, from, shape)
		return nil
	}, nil
}
