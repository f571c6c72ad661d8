package grad

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// moving is the table of the operators that put elements elsewhere, repeat them
// or leave some out.
var moving = rules{
	"Identity": same, "Reshape": same, "Flatten": same, "Squeeze": same, "Unsqueeze": same, "Dropout": same, "Cast": castRule, "CastLike": castRule,

	"Transpose": moved(0), "Split": moved(0), "Slice": moved(0), "Tile": moved(0), "Expand": moved(0), "Gather": moved(0),
	"GatherElements": moved(0), "GatherND": moved(0), "DepthToSpace": moved(0), "SpaceToDepth": moved(0), "Trilu": moved(0),
	"ReverseSequence": moved(0), "Compress": moved(0), "Concat": moved(), "Where": moved(1, 2), "Pad": padRule,
	"ScatterElements": scatterRule, "ScatterND": scatterRule, "Resize": resizeRule, "Upsample": resizeRule,
}

// same is for operators that keep the elements in their order.
func same(c *Call) error {
	if c.wants(0) {
		addTo(c.Down[0], c.Up[0])
	}
	return nil
}

// castRule passes on what stays a floating-point number.
func castRule(c *Call) error {
	if !c.In[0].Type.IsFloat() || !c.Out[0].Type.IsFloat() {
		return nil
	}
	return same(c)
}

// moved is the rule of an operator that moves the elements of the listed inputs,
// all if none are. It lets the operator's own kernel move their numbers: so it
// says itself where each element went.
func moved(list ...int) Rule {
	return func(c *Call) error { return move(c, list, nil) }
}

// move is moved; the inputs in blank are given as zeros, which number nothing,
// and the attributes in without are left out.
func move(c *Call, list, blank []int, without ...string) error {
	if len(list) == 0 {
		for i := range c.In {
			list = append(list, i)
		}
	}
	in, starts, next := slices.Clone(c.In), make([]int, len(c.In)), 1
	for _, i := range list {
		if c.has(i) {
			starts[i] = next
			in[i] = numbered(c.In[i].Shape, next)
			next += size(c.In[i].Shape)
		}
	}
	for _, i := range blank {
		if c.has(i) {
			in[i] = &Tensor{Type: onnxgraph.Int32, Shape: c.In[i].Shape, Data: make([]int32, size(c.In[i].Shape))}
		}
	}
	wanted := make([]bool, len(c.Up))
	for k, up := range c.Up {
		wanted[k] = up != nil
	}
	out, err := c.forward(in, wanted, without...)
	if err != nil {
		return err
	}
	for k, up := range c.Up {
		if up != nil {
			c.send(out[k].Data.([]int32), up, list, starts)
		}
	}
	return nil
}

// numbered is a tensor of whole numbers from first on.
func numbered(shape []int, first int) *Tensor {
	n := make([]int32, size(shape))
	for i := range n {
		n[i] = int32(first + i)
	}
	return &Tensor{Type: onnxgraph.Int32, Shape: shape, Data: n}
}

// send adds gradients to the elements with the given numbers. Runs of elements
// of one input come after another, so the last input serves until a number is not
// its own.
func (c *Call) send(numbers []int32, up []float32, list, starts []int) {
	first, end := 0, 0 // the numbers of the input that down belongs to
	var down []float32
	for k, n := range numbers {
		at := int(n)
		if at == 0 {
			continue
		}
		if at < first || at >= end {
			for _, i := range list {
				if n := starts[i]; n > 0 && at >= n && at < n+size(c.In[i].Shape) {
					first, end, down = n, n+size(c.In[i].Shape), nil
					if c.wants(i) {
						down = c.Down[i]
					}
				}
			}
		}
		if down != nil {
			down[at-first] += up[k]
		}
	}
}

// padRule: what fills the margin is not a part of the input.
func padRule(c *Call) error { return move(c, []int{0}, []int{2}, "value") }

// scatterRule is for operators that replace elements; sums and products of them
// are no moves.
func scatterRule(c *Call) error {
	if how := c.Node.String("reduction", "none"); how != "none" {
		return fmt.Errorf("reduction %s has no gradient", how)
	}
	return move(c, []int{0, 2}, nil)
}

// resizeRule is for enlarging and reducing by repeating and leaving out.
func resizeRule(c *Call) error {
	if mode := c.Node.String("mode", "nearest"); mode != "nearest" {
		return fmt.Errorf("mode %s has no gradient", mode)
	}
	if c.Node.String("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
		return errors.New("tf_crop_and_resize has no gradient")
	}
	return move(c, []int{0}, nil)
}
