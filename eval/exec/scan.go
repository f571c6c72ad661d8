package exec

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// scan is a prepared Scan: the body runs once for each index along an axis of
// its scan inputs, carries states, and what else it gives is stacked.
type scan struct {
	body            *body
	states          int
	inAxes, outAxes []int
	inBack, outBack []bool // walk from the end
	declared        []*onnxgraph.Value
	batched         bool // opset 8: an axis of examples first, and an input of lengths
}

func prepareScan(c *compiler, n *onnxgraph.Node, k *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error) {
	b, err := c.body(n, "body", inner)
	if err != nil {
		return nil, err
	}
	s := &scan{body: b, batched: n.Version < 9}
	given := len(n.Inputs)
	if s.batched {
		given--
	}
	scans := int(k.Int("num_scan_inputs", 0))
	s.states = given - scans
	if scans <= 0 || s.states < 0 || len(b.outputs) < s.states || b.formal != given {
		return nil, fmt.Errorf("%d scan inputs of %d, and %d outputs of the body", scans, given, len(b.outputs))
	}
	s.declared = n.Attrs["body"].Graph.Outputs[s.states:]
	inBack := "scan_input_directions"
	if s.batched {
		inBack = "directions"
	}
	s.inAxes, s.inBack = axesAndDirections(k, "scan_input_axes", inBack, scans)
	s.outAxes, s.outBack = axesAndDirections(k, "scan_output_axes", "scan_output_directions", len(s.declared))
	explicit := len(n.Inputs)
	if s.batched {
		return func(call *kernel.Call) error { return s.runBatch(call, explicit) }, nil
	}
	return func(call *kernel.Call) error {
		out := call.Out
		results, err := s.run(call, call.Values[:explicit], call.Values[explicit:])
		copy(out, results)
		return err
	}, nil
}

func axesAndDirections(k *kernel.Node, axes, directions string, n int) ([]int, []bool) {
	a, back := k.Ints(axes), make([]bool, n)
	for i, d := range k.Ints(directions) {
		if i < n {
			back[i] = d == 1
		}
	}
	for len(a) < n {
		a = append(a, 0)
	}
	return a, back
}

// run walks once along the scan inputs, which stand behind the states.
func (s *scan) run(call *kernel.Call, inputs, inner []*kernel.Value) ([]*kernel.Value, error) {
	state := slices.Clone(inputs[:s.states])
	for _, v := range state {
		v.Retain()
	}
	scans := inputs[s.states:]
	n, err := s.length(scans)
	if err != nil {
		return nil, err
	}
	stacks := make([][]*kernel.Tensor, len(s.declared))
	for i := range n {
		args := slices.Clone(state)
		for k, v := range scans {
			at := i
			if s.inBack[k] {
				at = n - 1 - i
			}
			part, err := kernel.Part(&v.Tensor, s.inAxes[k], at)
			if err != nil {
				return nil, err
			}
			args = append(args, kernel.Foreign(part))
		}
		results, err := s.body.run(call, args, inner)
		if err != nil {
			return nil, err
		}
		state = results[:s.states]
		for k, v := range results[s.states:] {
			stacks[k] = append(stacks[k], detach(v))
		}
	}
	for k, parts := range stacks {
		if s.outBack[k] {
			slices.Reverse(parts)
		}
		t, err := stack(parts, s.declared[k], s.outAxes[k])
		if err != nil {
			return nil, err
		}
		state = append(state, kernel.Foreign(t))
	}
	return state, nil
}

// length returns the common size of the scan inputs along their axes.
func (s *scan) length(scans []*kernel.Value) (int, error) {
	n := -1
	for k, v := range scans {
		axis := s.inAxes[k]
		if axis < 0 {
			axis += len(v.Shape)
		}
		if axis < 0 || axis >= len(v.Shape) || n >= 0 && v.Shape[axis] != n {
			return 0, fmt.Errorf("scan input %d of shape %v does not fit the others", k, v.Shape)
		}
		n = v.Shape[axis]
	}
	return n, nil
}

// runBatch runs Scan of opset 8, example by example.
func (s *scan) runBatch(call *kernel.Call, explicit int) error {
	if call.Has(0) {
		return fmt.Errorf("sequence lengths are not supported")
	}
	values, out := call.Values, call.Out
	var results [][]*kernel.Tensor
	for e := range values[1].Shape[0] {
		var inputs []*kernel.Value
		for _, v := range values[1:explicit] {
			part, err := kernel.Part(&v.Tensor, 0, e)
			if err != nil {
				return err
			}
			inputs = append(inputs, kernel.Foreign(part))
		}
		one, err := s.run(call, inputs, values[explicit:])
		if err != nil {
			return err
		}
		for k, v := range one {
			if e == 0 {
				results = append(results, nil)
			}
			results[k] = append(results[k], detach(v))
		}
	}
	for k := range out {
		if k >= len(results) {
			return fmt.Errorf("the batch is empty")
		}
		t, err := kernel.Stack(results[k], 0)
		if err != nil {
			return err
		}
		out[k] = kernel.Foreign(t)
	}
	return nil
}
