package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// shaping is the table of the operators that read or change shapes and leave
// the elements where they are.
var shaping = ops{
	"Reshape":         move(prepareReshape),
	"Flatten":         move(prepareFlatten),
	"Squeeze":         move(prepareSqueeze),
	"Unsqueeze":       move(prepareUnsqueeze),
	"Identity":        move(prepareIdentity),
	"Dropout":         move(prepareDropout),
	"Shape":           move(prepareShape),
	"Size":            move(prepareSize),
	"Expand":          move(prepareExpand),
	"ConstantOfShape": move(prepareConstantOfShape),
}

func prepareReshape(n *Node) (Kernel, error) {
	list, keep := n.Ints("shape"), !n.Flag("allowzero")
	return func(c *Call) error {
		target, err := c.intsAt(list, 1)
		if err != nil {
			return err
		}
		shape, err := reshape(c.In[0].Shape, target, keep)
		if err != nil {
			return err
		}
		return c.Alias(0, 0, shape)
	}, nil
}

// reshape resolves a Reshape target: 0 keeps the axis (if keep is set), one -1
// takes what is left.
func reshape(from, target []int, keep bool) ([]int, error) {
	shape, known, open := slices.Clone(target), 1, -1
	for i, d := range shape {
		switch {
		case d == 0 && keep && i < len(from):
			shape[i] = from[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0 || d == 0 && keep:
			return nil, fmt.Errorf("cannot reshape %v to %v", from, target)
		}
		known *= shape[i]
	}
	if open >= 0 {
		if total := size(from); known != 0 && total%known == 0 {
			shape[open] = total / known
		} else if total == 0 {
			shape[open] = 0
		} else {
			return nil, fmt.Errorf("cannot reshape %v to %v", from, target)
		}
	}
	return shape, nil
}

func prepareFlatten(n *Node) (Kernel, error) {
	at := int(n.Int("axis", 1))
	return func(c *Call) error {
		shape, axis := c.In[0].Shape, at
		if axis < 0 {
			axis += len(shape)
		}
		if axis < 0 || axis > len(shape) {
			return fmt.Errorf("axis %d of a tensor of rank %d", at, len(shape))
		}
		return c.Alias(0, 0, []int{size(shape[:axis]), size(shape[axis:])})
	}, nil
}

func prepareSqueeze(n *Node) (Kernel, error) {
	list := n.Ints("axes")
	return func(c *Call) error {
		axes, err := c.intsAt(list, 1)
		if err != nil {
			return err
		}
		from := c.In[0].Shape
		drop, err := axesOf(axes, len(from))
		if err != nil {
			return err
		}
		var shape []int
		for i, d := range from {
			switch {
			case slices.Contains(drop, i) && d != 1:
				return fmt.Errorf("cannot squeeze axis %d of %v", i, from)
			case slices.Contains(drop, i), axes == nil && d == 1:
			default:
				shape = append(shape, d)
			}
		}
		return c.Alias(0, 0, shape)
	}, nil
}

func prepareUnsqueeze(n *Node) (Kernel, error) {
	list := n.Ints("axes")
	return func(c *Call) error {
		axes, err := c.intsAt(list, 1)
		if err != nil {
			return err
		}
		from := c.In[0].Shape
		put, err := axesOf(axes, len(from)+len(axes))
		if err != nil {
			return err
		}
		shape := slices.Clone(from)
		for _, a := range put {
			shape = slices.Insert(shape, a, 1)
		}
		return c.Alias(0, 0, shape)
	}, nil
}

func prepareIdentity(*Node) (Kernel, error) {
	return func(c *Call) error { return c.Alias(0, 0, c.In[0].Shape) }, nil
}

// prepareDropout prepares Dropout of inference: everything is kept. Training
// mode is refused, since its result is random.
func prepareDropout(n *Node) (Kernel, error) {
	mask := n.Wants(1)
	return func(c *Call) error {
		if c.Has(2) {
			if train, ok := c.In[2].Data.([]bool); ok && len(train) == 1 && train[0] && !noDropout(c.Input(1)) {
				return fmt.Errorf("dropout in training mode is random and not supported")
			}
		}
		if mask {
			m, err := c.New(1, onnxgraph.Bool, c.In[0].Shape...)
			if err != nil {
				return err
			}
			fillWords(m.Data.([]bool), true)
		}
		return c.Alias(0, 0, c.In[0].Shape)
	}, nil
}

func noDropout(ratio *Tensor) bool {
	if ratio == nil {
		return false
	}
	r, err := oneFloat(ratio)
	return err == nil && r == 0
}

func prepareShape(n *Node) (Kernel, error) {
	first, last := int(n.Int("start", 0)), int(n.Int("end", 1<<30))
	return func(c *Call) error {
		shape := c.In[0].Shape
		lo, hi := bound(first, len(shape)), bound(last, len(shape))
		part := shape[lo:max(lo, hi)]
		out, err := c.New(0, onnxgraph.Int64, len(part))
		if err != nil {
			return err
		}
		d := out.Data.([]int64)
		for i, n := range part {
			d[i] = int64(n)
		}
		return nil
	}, nil
}

// bound resolves an index counted from the end and clamps it to 0…n.
func bound(i, n int) int {
	if i < 0 {
		i += n
	}
	return max(0, min(n, i))
}

func prepareSize(*Node) (Kernel, error) {
	return func(c *Call) error {
		out, err := c.New(0, onnxgraph.Int64)
		if err != nil {
			return err
		}
		out.Data.([]int64)[0] = int64(size(c.In[0].Shape))
		return nil
	}, nil
}

func prepareExpand(*Node) (Kernel, error) {
	return func(c *Call) error {
		want, err := ints(c.In[1])
		if err != nil {
			return err
		}
		x := c.In[0]
		shape, err := broadcast(x.Shape, want)
		if err != nil {
			return err
		}
		if size(shape) == size(x.Shape) {
			return c.Alias(0, 0, shape)
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyRegion(c, out, whole(shape), x, region{strides: stretched(x.Shape, shape)}, shape)
		return nil
	}, nil
}

func prepareConstantOfShape(n *Node) (Kernel, error) {
	value, err := n.Tensor("value")
	if err != nil {
		return nil, err
	}
	typ := onnxgraph.Float32
	if value != nil {
		if typ = value.Type; length(value.Data) != 1 {
			return nil, fmt.Errorf("attribute value has %d elements, want 1", length(value.Data))
		}
	}
	return func(c *Call) error {
		shape, err := ints(c.In[0])
		if err != nil {
			return err
		}
		out, err := c.New(0, typ, shape...)
		if err == nil {
			fill(out, value)
		}
		return err
	}, nil
}
