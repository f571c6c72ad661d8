package exec

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// control prepares a node with bodies. The kernel gets the values that the
// bodies read from outside behind the node's own inputs.
type control func(c *compiler, n *onnxgraph.Node, k *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error)

// controls are the preparations by operator, with its domain where that is not ONNX's own.
var controls map[string]control

func init() { // not an initializer: bodies are lowered by way of this table
	controls = map[string]control{"If": prepareIf, "Loop": prepareLoop, "Scan": prepareScan, "com.microsoft.BeamSearch": prepareBeamSearch}
}

// body is the program of a body. Its inputs are the graph's own, then the
// captured values.
type body struct {
	*program
	formal int // number of the graph's own inputs
}

func (c *compiler) body(n *onnxgraph.Node, attr string, inner []*onnxgraph.Value) (*body, error) {
	g := n.Attrs[attr].Graph
	if g == nil {
		return nil, fmt.Errorf("attribute %s is missing", attr)
	}
	p, err := c.lower(g, append(slices.Clone(g.Inputs), inner...), g.Outputs)
	if err != nil {
		return nil, err
	}
	return &body{program: p, formal: len(g.Inputs)}, nil
}

// run executes a body with the given inputs, of which it takes over a count,
// and the captured values, of which it does not.
func (b *body) run(c *kernel.Call, inputs, inner []*kernel.Value) ([]*kernel.Value, error) {
	if len(inputs) != b.formal {
		return nil, fmt.Errorf("the body has %d inputs, want %d", b.formal, len(inputs))
	}
	if err := c.Pool.Enter(); err != nil {
		return nil, err
	}
	for _, v := range inner {
		v.Retain()
	}
	m := &machine{pool: c.Pool, threads: c.Threads}
	return m.execute(c.Ctx, b.program, append(slices.Clone(inputs), inner...))
}

// prepareIf prepares If: one of two bodies runs. When the condition is known
// the other is not even lowered.
func prepareIf(c *compiler, n *onnxgraph.Node, k *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error) {
	if len(k.Const) == 0 {
		return nil, fmt.Errorf("it has no condition")
	}
	var branches [2]*body
	for i, attr := range []string{"else_branch", "then_branch"} {
		if cond := k.Const[0]; cond != nil {
			if taken, err := truth(cond); err != nil || taken != (i == 1) {
				continue
			}
		}
		var err error
		if branches[i], err = c.body(n, attr, inner); err != nil {
			return nil, err
		}
	}
	explicit := len(n.Inputs)
	return func(call *kernel.Call) error {
		taken, err := truth(call.In[0])
		if err != nil {
			return err
		}
		b := branches[0]
		if taken {
			b = branches[1]
		}
		values, out := call.Values, call.Out
		results, err := b.run(call, nil, values[explicit:])
		if err != nil {
			return err
		}
		if len(results) < len(out) {
			return fmt.Errorf("the branch has %d outputs, want %d", len(results), len(out))
		}
		copy(out, results)
		for _, v := range results[len(out):] {
			v.Release()
		}
		return nil
	}, nil
}

// truth reads a tensor of one truth value.
func truth(t *kernel.Tensor) (bool, error) {
	b, ok := t.Data.([]bool)
	if !ok || len(b) != 1 {
		return false, fmt.Errorf("one truth value expected, got shape %v of type %v", t.Shape, t.Type)
	}
	return b[0], nil
}

// prepareLoop prepares Loop: the body runs a number of times, or while its
// condition holds. It carries values from run to run, and what else it gives
// is stacked.
func prepareLoop(c *compiler, n *onnxgraph.Node, _ *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error) {
	b, err := c.body(n, "body", inner)
	if err != nil {
		return nil, err
	}
	explicit := len(n.Inputs)
	carried := explicit - 2
	if carried < 0 || len(b.outputs) < carried+1 {
		return nil, fmt.Errorf("%d inputs, and %d outputs of the body", explicit, len(b.outputs))
	}
	scans := n.Attrs["body"].Graph.Outputs[carried+1:]
	return func(call *kernel.Call) error {
		trips, going, err := loopStart(call)
		if err != nil {
			return err
		}
		values, out := call.Values, call.Out
		state := slices.Clone(values[2:explicit])
		for _, v := range state {
			v.Retain()
		}
		stacks := make([][]*kernel.Tensor, len(scans))
		for i := int64(0); (trips < 0 || i < trips) && going; i++ {
			inputs := append([]*kernel.Value{intValue(i), boolValue(going)}, state...)
			results, err := b.run(call, inputs, values[explicit:])
			if err != nil {
				return err
			}
			if going, err = truth(&results[0].Tensor); err != nil {
				return err
			}
			results[0].Release()
			state = results[1 : carried+1]
			for k, v := range results[carried+1:] {
				stacks[k] = append(stacks[k], detach(v))
			}
		}
		copy(out, state)
		for k, s := range stacks {
			if carried+k < len(out) {
				t, err := stack(s, scans[k], 0)
				if err != nil {
					return err
				}
				out[carried+k] = kernel.Foreign(t)
			}
		}
		return nil
	}, nil
}

// loopStart reads the number of trips (negative for no limit) and the first
// condition.
func loopStart(call *kernel.Call) (trips int64, going bool, err error) {
	trips, going = -1, true
	if call.Has(0) {
		t, ok := call.In[0].Data.([]int64)
		if !ok || len(t) != 1 {
			return 0, false, fmt.Errorf("the trip count must be one int64")
		}
		trips = max(0, t[0])
	}
	if call.Has(1) {
		going, err = truth(call.In[1])
	}
	return trips, going, err
}

func intValue(i int64) *kernel.Value {
	return kernel.Foreign(&kernel.Tensor{Type: onnxgraph.Int64, Data: []int64{i}})
}

func boolValue(b bool) *kernel.Value {
	return kernel.Foreign(&kernel.Tensor{Type: onnxgraph.Bool, Data: []bool{b}})
}

// detach takes a result for keeps.
func detach(v *kernel.Value) *kernel.Tensor {
	t := v.Detach()
	v.Release()
	return t
}

// stack joins tensors along a new axis. v declares the type and shape of one,
// for when there are none.
func stack(parts []*kernel.Tensor, v *onnxgraph.Value, axis int) (*kernel.Tensor, error) {
	if len(parts) > 0 {
		return kernel.Stack(parts, axis)
	}
	shape := []int{}
	for _, d := range v.Declared {
		n, _ := d.Known()
		shape = append(shape, int(n))
	}
	if axis < 0 {
		axis += len(shape) + 1
	}
	return kernel.Empty(v.Type, slices.Insert(shape, min(max(axis, 0), len(shape)), 0))
}
