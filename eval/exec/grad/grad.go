package grad

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Tensor is the tensor type of the whole program.
type Tensor = kernel.Tensor

// Rule adds to the gradients of a node's inputs what comes through the node.
type Rule func(c *Call) error

// Call is one application of a rule.
type Call struct {
	Ctx     context.Context
	Node    *kernel.Node
	In, Out []*Tensor   // values; nil for one left out, or an output nobody reads
	Up      [][]float32 // the gradient by each output, nil where it is 0
	Down    [][]float32 // the gradient by each input, to be added to; nil where nobody asks
	Threads int
}

// rules is part of the table of gradients: rules by operator name.
type rules map[string]Rule

// table has the rules of ai.onnx by family, contrib those of com.microsoft.
var (
	table   = []rules{pointwise, pairwise, moving, reducing, competing, normalizing, products, convolving, pooling, recurring, still}
	contrib = rules{"Gelu": unaryRule, "QuickGelu": unaryRule, "FusedMatMul": matMul}
)

// Lookup finds the rule of an operator of a domain ("" is ai.onnx).
func Lookup(domain, op string) (Rule, bool) {
	if domain == "com.microsoft" {
		r, ok := contrib[op]
		return r, ok
	}
	for _, family := range table {
		if r, ok := family[op]; ok && domain == "" {
			return r, true
		}
	}
	return nil, false
}

// still lists the operators whose outputs do not change with small changes of
// their inputs, or that compute shapes and indices: nothing comes through them.
var still = rules{
	"Shape": nothing, "Size": nothing, "ConstantOfShape": nothing, "Range": nothing, "EyeLike": nothing, "OneHot": nothing,
	"ArgMax": nothing, "ArgMin": nothing, "NonZero": nothing, "Hardmax": nothing,
	"Equal": nothing, "Less": nothing, "LessOrEqual": nothing, "Greater": nothing, "GreaterOrEqual": nothing,
	"And": nothing, "Or": nothing, "Xor": nothing, "Not": nothing, "IsNaN": nothing, "IsInf": nothing,
	"Sign": nothing, "Floor": nothing, "Ceil": nothing, "Round": nothing,
}

func nothing(*Call) error { return nil }

// Stops tells whether nothing comes through an operator, so that what it reads
// needs no gradient for it.
func Stops(domain, op string) bool {
	_, ok := still[op]
	return ok && domain == ""
}

// wants tells whether somebody asks for the gradient by input i.
func (c *Call) wants(i int) bool { return i < len(c.Down) && c.Down[i] != nil }

// has tells whether input i is given.
func (c *Call) has(i int) bool { return i < len(c.In) && c.In[i] != nil }

// x returns the elements of input i, y those of output i.
func (c *Call) x(i int) []float32 { return floats(c.In[i]) }
func (c *Call) y(i int) []float32 { return floats(c.Out[i]) }

// only fails when an output other than the first has a gradient.
func (c *Call) only() error {
	for i, up := range c.Up {
		if i > 0 && up != nil {
			return fmt.Errorf("output %d has no gradient", i)
		}
	}
	return nil
}

// parallel splits 0…n-1 into ranges as kernels do.
func (c *Call) parallel(n, cost int, f func(lo, hi int)) {
	(&kernel.Call{Threads: c.Threads}).Parallel(n, cost, f)
}

// forward runs the node's kernel on other inputs. Attributes listed are left
// out, and every output is computed for which wanted is set.
func (c *Call) forward(in []*Tensor, wanted []bool, without ...string) ([]*Tensor, error) {
	n := *c.Node
	n.Attrs = maps.Clone(n.Attrs)
	for _, name := range without {
		delete(n.Attrs, name)
	}
	n.Wanted = wanted
	n.Const = slices.Clone(n.Const)
	for i, t := range in {
		if i < len(n.Const) && t != c.In[i] {
			n.Const[i] = nil
		}
	}
	prepare, ok := kernel.Lookup(n.Domain, n.Op, n.Version)
	if !ok {
		return nil, fmt.Errorf("there is no kernel for %s", n.Op)
	}
	run, err := prepare(&n)
	if err != nil {
		return nil, err
	}
	call := &kernel.Call{Ctx: c.Ctx, In: slices.Clone(in), Out: make([]*kernel.Value, len(wanted)), Values: make([]*kernel.Value, len(in)),
		Last: make([]bool, len(in)), Pool: new(kernel.Pool), Threads: c.Threads}
	for i, t := range in {
		if t != nil {
			call.Values[i] = kernel.Foreign(t)
		}
	}
	if err := run(call); err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(wanted))
	for i, v := range call.Out {
		if v != nil {
			out[i] = &v.Tensor
		}
	}
	return out, nil
}

// floats returns the elements of a numeric tensor in float32: its own memory
// where it is of that type.
func floats(t *Tensor) []float32 {
	switch x := t.Data.(type) {
	case []float32:
		return x
	case []float64:
		return convert(x)
	case []int32:
		return convert(x)
	case []int64:
		return convert(x)
	case []uint16:
		out := make([]float32, len(x))
		for i, v := range x {
			if t.Type == onnxgraph.Float16 {
				out[i] = half.Float16(v)
			} else {
				out[i] = half.BFloat16(v)
			}
		}
		return out
	}
	panic(fmt.Sprintf("gradient by a tensor of type %v", t.Type))
}

func convert[T float64 | int32 | int64](x []T) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// size returns the number of elements of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// axisOf resolves an axis that may be counted from the end; the forward pass has
// checked it.
func axisOf(axis, rank int) int {
	if axis < 0 {
		axis += rank
	}
	return axis
}
