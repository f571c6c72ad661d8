package exec

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/grad"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// TapeOptions say what a Tape computes.
type TapeOptions struct {
	Weights []*onnxgraph.Weight // by which gradients are wanted; floating-point
	Outputs []*onnxgraph.Value  // of the main graph; floating-point
	Threads int                 // 0: one a core

	// BatchStatistics normalizes by the mean and deviation of the batch wherever
	// BatchNormalization has statistics of its own.
	BatchStatistics bool
}

// Tape runs a model forth and back: outputs for given weights, and the gradients
// by these weights of a number that hangs on the outputs (reverse mode). All
// values of a run are kept until it is over. It is used by one goroutine at a
// time.
type Tape struct {
	machine machine
	program *program
	inputs  []*onnxgraph.Value
	weights []*onnxgraph.Weight
	slots   [][]int // of each weight's values
	steps   []*taped
	active  []bool // by slot: some weight acts on it, and it on an output
}

// taped is a step with its gradient; rule is nil where none is needed.
type taped struct {
	*step
	rule grad.Rule
}

// Head takes outputs to the gradient of some number by each of their elements;
// nil where it is 0, and nil for all if no gradients are wanted. The outputs are
// the Tape's.
type Head func(outputs []*onnxgraph.Tensor) ([][]float32, error)

// NoGradientError says that a node on the way from a weight to an output has an
// operator without a gradient.
type NoGradientError struct {
	Node   string // what messages call the node
	Op     string
	Domain string // "" is ai.onnx
	Reason error  // what about it, when the operator has a gradient otherwise
}

func (e *NoGradientError) Unwrap() error { return e.Reason }

// Error names the node and the operator.
func (e *NoGradientError) Error() string {
	if e.Reason != nil {
		return fmt.Sprintf("%s: %v", e.Node, e.Reason)
	}
	op := e.Op
	if e.Domain != "" {
		op = e.Domain + "." + op
	}
	return fmt.Sprintf("%s: operator %s has no gradient here", e.Node, op)
}

// NewTape prepares a model, which must stay open while the tape is used.
//
// Errors: *UnsupportedError for an operator that is not known, *NoGradientError
// for one whose gradient is not.
func NewTape(m *onnxgraph.Model, opts TapeOptions) (*Tape, error) {
	threads := opts.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	c := &compiler{model: m, threads: threads, batch: opts.BatchStatistics,
		given: make(map[*onnxgraph.Weight]bool), consts: make(map[*onnxgraph.Value]*kernel.Tensor)}
	for _, w := range opts.Weights {
		if !w.Type.IsFloat() {
			return nil, fmt.Errorf("exec: weight %q is %v: there is no gradient by it", w.Name, w.Type)
		}
		c.given[w] = true
	}
	values := weightValues(m.Graph, c.given)
	p, err := c.lower(m.Graph, slices.Concat(m.Graph.Inputs, values), opts.Outputs)
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	t := &Tape{machine: machine{pool: new(kernel.Pool), threads: threads}, program: p, inputs: m.Graph.Inputs, weights: opts.Weights}
	for _, w := range opts.Weights {
		var slots []int
		for i, v := range values {
			if v.Weight == w {
				slots = append(slots, p.inputs[len(m.Graph.Inputs)+i])
			}
		}
		t.slots = append(t.slots, slots)
	}
	if err := t.trace(c.shapes()); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return t, nil
}

// weightValues lists the values of a graph and the bodies within that are among
// the given weights, each once.
func weightValues(g *onnxgraph.Graph, given map[*onnxgraph.Weight]bool) []*onnxgraph.Value {
	var out []*onnxgraph.Value
	seen := make(map[*onnxgraph.Value]bool)
	collect(g, make(map[*onnxgraph.Graph]bool), func(v *onnxgraph.Value) {
		if v.Weight != nil && given[v.Weight] && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	})
	return out
}

// trained is a BatchNormalization by the statistics of the batch.
func trained(n *onnxgraph.Node) *onnxgraph.Node {
	t := *n
	t.Attrs = maps.Clone(n.Attrs)
	if t.Attrs == nil {
		t.Attrs = make(map[string]onnxgraph.Attr)
	}
	t.Attrs["training_mode"] = onnxgraph.Attr{Kind: onnxgraph.AttrInt, Int: 1}
	t.Outputs = n.Outputs[:1]
	return &t
}

// trace finds the slots that gradients pass through, and their rules.
func (t *Tape) trace(shapes *onnxgraph.ShapeInfo) error {
	moves := make([]bool, t.program.slots) // a weight acts on it
	for _, slots := range t.slots {
		for _, s := range slots {
			moves[s] = true
		}
	}
	among := func(slots []int, of []bool) bool {
		return slices.ContainsFunc(slots, func(s int) bool { return s != none && of[s] })
	}
	for _, s := range t.program.steps {
		clear(s.last)
		s.drop = nil
		if !among(s.in, moves) || grad.Stops(s.node.Domain, s.node.Op) {
			continue
		}
		for i, slot := range s.out {
			if slot != none {
				typ := shapes.Type(s.node.Outputs[i])
				moves[slot] = typ == onnxgraph.Undefined || typ.IsFloat()
			}
		}
	}
	acts := make([]bool, t.program.slots) // it acts on an output
	for _, slot := range t.program.outputs {
		acts[slot] = true
	}
	t.active = make([]bool, t.program.slots)
	t.steps = make([]*taped, len(t.program.steps))
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.program.steps[i]
		t.steps[i] = &taped{step: s}
		if !among(s.out, acts) {
			continue
		}
		for _, slot := range s.in {
			if slot != none {
				acts[slot] = true
			}
		}
		if !slices.ContainsFunc(s.out, func(slot int) bool { return slot != none && moves[slot] && acts[slot] }) {
			continue
		}
		rule, ok := grad.Lookup(s.node.Domain, s.node.Op)
		if !ok {
			return &NoGradientError{Node: s.node.String(), Op: s.node.Op, Domain: s.node.Domain}
		}
		t.steps[i].rule = rule
	}
	for slot := range t.active {
		t.active[slot] = moves[slot] && acts[slot]
	}
	return nil
}

// Run computes the outputs from inputs and weights, the latter in the order of
// TapeOptions.Weights, hands them to head, and returns the gradients by the
// weights of the number that head tells of; nil if it tells of none. A weight on
// which no output hangs has gradient 0. An operator that has a gradient in some of
// its modes only may fail here with a *NoGradientError.
//
// Memory is that of all values of the run, and of as many gradients as wait to be
// passed on. Time is two to three times that of the run alone.
func (t *Tape) Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, weights [][]float32, head Head) ([][]float32, error) {
	grads, err := t.run(ctx, inputs, weights, head)
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return grads, nil
}

func (t *Tape) run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, weights [][]float32, head Head) ([][]float32, error) {
	values, err := t.start(inputs, weights)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, v := range values {
			if v != nil {
				v.Release()
			}
		}
		t.machine.pool.Trim()
	}()
	call := t.machine.call(ctx)
	for _, s := range t.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.apply(call, values, t.program.loads); err != nil {
			return nil, err
		}
	}
	var outputs []*onnxgraph.Tensor
	for _, slot := range t.program.outputs {
		outputs = append(outputs, &values[slot].Tensor)
	}
	seeds, err := head(outputs)
	if err != nil || seeds == nil {
		return nil, err
	}
	return t.back(ctx, values, seeds)
}

// start fills the slots that are known before the first step.
func (t *Tape) start(inputs map[string]*onnxgraph.Tensor, weights [][]float32) ([]*kernel.Value, error) {
	if len(weights) != len(t.weights) {
		return nil, fmt.Errorf("numbers of %d weights, want %d", len(weights), len(t.weights))
	}
	values := make([]*kernel.Value, t.program.slots)
	for slot, v := range t.program.consts {
		values[slot] = v
	}
	for i, v := range t.inputs {
		in := inputs[v.Name]
		if in == nil {
			return nil, fmt.Errorf("input %q is missing", v.Name)
		}
		if err := kernel.CheckTensor(in); err != nil {
			return nil, fmt.Errorf("input %q: %w", v.Name, err)
		}
		values[t.program.inputs[i]] = kernel.Foreign(in)
	}
	for i, w := range t.weights {
		tensor := &onnxgraph.Tensor{Type: w.Type, Shape: make([]int, len(w.Shape)), Data: narrowed(weights[i], w.Type)}
		for k, d := range w.Shape {
			tensor.Shape[k] = int(d)
		}
		if err := kernel.CheckTensor(tensor); err != nil {
			return nil, fmt.Errorf("weight %q: %w", w.Name, err)
		}
		for _, slot := range t.slots[i] {
			values[slot] = kernel.Foreign(tensor)
		}
	}
	return values, nil
}

// narrowed gives numbers in an element type: their own memory in float32.
func narrowed(x []float32, typ onnxgraph.DataType) any {
	switch typ {
	case onnxgraph.Float64:
		out := make([]float64, len(x))
		for i, v := range x {
			out[i] = float64(v)
		}
		return out
	case onnxgraph.Float16, onnxgraph.BFloat16:
		out := make([]uint16, len(x))
		for i, v := range x {
			if typ == onnxgraph.Float16 {
				out[i] = half.ToFloat16(v)
			} else {
				out[i] = half.ToBFloat16(v)
			}
		}
		return out
	}
	return x
}

// back passes gradients from the outputs to the weights, the last step first.
func (t *Tape) back(ctx context.Context, values []*kernel.Value, seeds [][]float32) ([][]float32, error) {
	b := &backward{Tape: t, values: values, grads: make([][]float32, t.program.slots)}
	for i, slot := range t.program.outputs {
		if seeds[i] == nil || !t.active[slot] {
			continue
		}
		if n := elements(values[slot]); len(seeds[i]) != n {
			return nil, fmt.Errorf("a gradient of %d elements for an output of %d", len(seeds[i]), n)
		}
		if b.grads[slot] == nil {
			b.grads[slot] = make([]float32, len(seeds[i]))
		}
		for k, v := range seeds[i] {
			b.grads[slot][k] += v
		}
	}
	for i := len(t.steps) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := b.step(ctx, t.steps[i]); err != nil {
			return nil, err
		}
	}
	out := make([][]float32, len(t.weights))
	for i, w := range t.weights {
		out[i] = make([]float32, w.Elements())
		for _, slot := range t.slots[i] {
			for k, v := range b.grads[slot] {
				out[i][k] += v
			}
		}
	}
	return out, nil
}

// elements returns the number of elements of a value.
func elements(v *kernel.Value) int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// backward is a pass from the outputs to the weights under way.
type backward struct {
	*Tape
	values []*kernel.Value
	grads  [][]float32 // by slot, nil while they are 0
}

// step passes the gradients of a step's outputs on to its inputs, and lets them go.
func (b *backward) step(ctx context.Context, s *taped) (err error) {
	if s.rule == nil {
		return nil
	}
	c := &grad.Call{Ctx: ctx, Node: s.prepared, Threads: b.machine.threads}
	waits := false
	for _, slot := range s.out {
		var y *onnxgraph.Tensor
		var up []float32
		if slot != none {
			y, up = &b.values[slot].Tensor, b.grads[slot]
			b.grads[slot] = nil
		}
		c.Out, c.Up = append(c.Out, y), append(c.Up, up)
		waits = waits || up != nil
	}
	if !waits {
		return nil
	}
	for _, slot := range s.in {
		var x *onnxgraph.Tensor
		var down []float32
		if slot != none {
			x = &b.values[slot].Tensor
		}
		if slot != none && b.active[slot] {
			if b.grads[slot] == nil {
				b.grads[slot] = make([]float32, elements(b.values[slot]))
			}
			down = b.grads[slot]
		}
		c.In, c.Down = append(c.In, x), append(c.Down, down)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: internal fault in its gradient: %v", s.node, r)
		}
	}()
	if err := s.rule(c); err != nil {
		return &NoGradientError{s.node.String(), s.node.Op, s.node.Domain, err}
	}
	return nil
}
