package kernel

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sequences is the table of the operators on sequences of tensors.
var sequences = ops{
	"SequenceEmpty":      move(prepareSequenceEmpty),
	"SequenceConstruct":  move(prepareSequenceConstruct),
	"SequenceInsert":     move(prepareSequenceInsert),
	"SequenceErase":      move(prepareSequenceErase),
	"SequenceAt":         move(prepareSequenceAt),
	"SequenceLength":     move(prepareSequenceLength),
	"SplitToSequence":    move(prepareSplitToSequence),
	"ConcatFromSequence": move(prepareConcatFromSequence),
}

// keep copies a tensor, to live in a sequence.
func (c *Call) keep(t *Tensor) (*Tensor, error) {
	if err := c.Pool.spend(length(t.Data), reflect.TypeOf(t.Data).Elem().Size()); err != nil {
		return nil, err
	}
	return &Tensor{Type: t.Type, Shape: slices.Clone(t.Shape), Data: clone(t.Data)}, nil
}

// mostItems is how long a sequence may be: every operator copies the list.
const mostItems = 1 << 14

// items reads a sequence. Its tensors are never changed.
func items(t *Tensor) ([]*Tensor, error) {
	list, ok := t.Data.([]*Tensor)
	if !ok {
		return nil, fmt.Errorf("sequence expected, got a tensor of type %v", t.Type)
	}
	return list, nil
}

// sequence makes output 0 a sequence.
func (c *Call) sequence(list []*Tensor) error {
	if len(list) > mostItems {
		return fmt.Errorf("a sequence of %d tensors", len(list))
	}
	out, err := c.New(0, Sequence, len(list))
	if err == nil {
		copy(out.Data.([]*Tensor), list)
	}
	return err
}

// tensor makes output 0 a copy of t.
func (c *Call) tensor(t *Tensor) error {
	out, err := c.New(0, t.Type, t.Shape...)
	if err == nil {
		copyRegion(c, out, whole(t.Shape), t, whole(t.Shape), t.Shape)
	}
	return err
}

func prepareSequenceEmpty(*Node) (Kernel, error) {
	return func(c *Call) error { return c.sequence(nil) }, nil
}

func prepareSequenceConstruct(*Node) (Kernel, error) {
	return func(c *Call) error {
		var list []*Tensor
		for _, t := range c.In {
			kept, err := c.keep(t)
			if err != nil {
				return err
			}
			list = append(list, kept)
		}
		return c.sequence(list)
	}, nil
}

// position reads input i, a place among n; def if it is left out.
func (c *Call) position(i, n, def int) (int, error) {
	if !c.Has(i) {
		return def, nil
	}
	at, err := oneInt(c.In[i])
	if err != nil {
		return 0, err
	}
	return indexOf(at, n)
}

func prepareSequenceInsert(*Node) (Kernel, error) {
	return func(c *Call) error {
		list, err := items(c.In[0])
		if err != nil {
			return err
		}
		at := len(list)
		if c.Has(2) {
			if at, err = oneInt(c.In[2]); err != nil {
				return err
			}
			if at < 0 {
				at += len(list)
			}
			if at < 0 || at > len(list) {
				return fmt.Errorf("place %d of %d", at, len(list))
			}
		}
		kept, err := c.keep(c.In[1])
		if err != nil {
			return err
		}
		return c.sequence(slices.Insert(slices.Clone(list), at, kept))
	}, nil
}

func prepareSequenceErase(*Node) (Kernel, error) {
	return func(c *Call) error {
		list, err := items(c.In[0])
		if err != nil {
			return err
		}
		at, err := c.position(1, len(list), len(list)-1)
		if err != nil || at < 0 {
			return fmt.Errorf("nothing to erase at place %d: %w", at, err)
		}
		return c.sequence(slices.Delete(slices.Clone(list), at, at+1))
	}, nil
}

func prepareSequenceAt(*Node) (Kernel, error) {
	return func(c *Call) error {
		list, err := items(c.In[0])
		if err != nil {
			return err
		}
		at, err := c.position(1, len(list), 0)
		if err != nil {
			return err
		}
		return c.tensor(list[at])
	}, nil
}

func prepareSequenceLength(*Node) (Kernel, error) {
	return func(c *Call) error {
		list, err := items(c.In[0])
		if err != nil {
			return err
		}
		out, err := c.New(0, onnxgraph.Int64)
		if err == nil {
			out.Data.([]int64)[0] = int64(len(list))
		}
		return err
	}, nil
}

// prepareSplitToSequence prepares SplitToSequence: into parts of given sizes,
// of one size, or of size 1.
func prepareSplitToSequence(n *Node) (Kernel, error) {
	at, keepDims := int(n.Int("axis", 0)), n.Int("keepdims", 1) != 0
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		var sizes []int
		if c.Has(1) {
			if sizes, err = ints(c.In[1]); err != nil {
				return err
			}
		}
		if each := 1; !c.Has(1) || len(c.In[1].Shape) == 0 {
			if c.Has(1) {
				each = sizes[0]
			}
			if each <= 0 {
				return fmt.Errorf("cannot split into parts of %d", each)
			}
			sizes = nil
			for rest := x.Shape[axis]; rest > 0; rest -= each {
				sizes = append(sizes, min(each, rest))
			}
		}
		return c.splitInto(x, axis, sizes, keepDims || c.Has(1))
	}, nil
}

func (c *Call) splitInto(x *Tensor, axis int, sizes []int, keepDims bool) error {
	var list []*Tensor
	from, sum := whole(x.Shape), 0
	for _, n := range sizes {
		if sum += n; n < 0 || sum > x.Shape[axis] {
			return fmt.Errorf("cannot split axis %d of %v into %v", axis, x.Shape, sizes)
		}
		shape := slices.Clone(x.Shape)
		shape[axis] = n
		part, err := Empty(x.Type, shape)
		if err != nil {
			return err
		}
		copyRegion(c, part, whole(shape), x, from, shape)
		if !keepDims {
			part.Shape = slices.Delete(part.Shape, axis, axis+1)
		}
		list = append(list, part)
		from.off += n * from.strides[axis]
	}
	return c.sequence(list)
}

func prepareConcatFromSequence(n *Node) (Kernel, error) {
	axis, stacked := int(n.Int("axis", 0)), n.Flag("new_axis")
	join, err := prepareConcat(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		list, err := items(c.In[0])
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("the sequence is empty")
		}
		if stacked {
			t, err := Stack(list, axis)
			if err != nil {
				return err
			}
			return c.tensor(t)
		}
		sub := c.sub(list...)
		if err := join(sub); err != nil {
			return err
		}
		c.set(0, sub.Out[0])
		return nil
	}, nil
}
