package exec

import (
	"context"
	"fmt"
	"sync"

	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph/simple"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// plan is a model lowered for one choice of outputs.
type plan struct {
	program  *program // computes what is not known before; empty if nothing is left
	inputs   []*onnxgraph.Value
	computed []string                  // names of the program's outputs
	known    map[string]*kernel.Tensor // outputs that are constants
	passed   map[string]string         // outputs that are inputs, by name
	threads  int
	budget   kernel.Budget

	mu   sync.Mutex
	idle []*lane
}

// lane is an onnx-go model in use by one run at a time, with its own memory.
type lane struct {
	model   *onnx.Model
	backend *graphBackend
}

// newPlan lowers the model's main graph for the given outputs.
func newPlan(c *compiler, outputs []*onnxgraph.Value) (*plan, error) {
	p := &plan{known: make(map[string]*kernel.Tensor), passed: make(map[string]string), threads: c.threads, budget: c.budget}
	g := c.model.Graph
	first, err := c.lower(g, g.Inputs, outputs)
	if err != nil {
		return nil, err
	}
	// onnx-go gets the outputs that steps compute and the inputs that steps read.
	var rest []*onnxgraph.Value
	for i, v := range outputs {
		switch slot := first.outputs[i]; {
		case first.consts[slot] != nil:
			p.known[v.Name] = &first.consts[slot].Tensor
		case v.Producer == nil:
			p.passed[v.Name] = v.Name
		default:
			rest = append(rest, v)
			p.computed = append(p.computed, v.Name)
			first.outputs[len(rest)-1] = slot
		}
	}
	first.outputs = first.outputs[:len(rest)]
	read := make(map[int]bool)
	for _, s := range first.steps {
		for _, slot := range s.in {
			read[slot] = true
		}
	}
	var slots []int
	for i, v := range g.Inputs {
		if slot := first.inputs[i]; read[slot] {
			p.inputs = append(p.inputs, v)
			slots = append(slots, slot)
		}
	}
	first.inputs = slots
	p.program = first
	return p, nil
}

// lane returns a lane that is free, a new one if there is none.
func (p *plan) lane() (*lane, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.idle) - 1; last >= 0 {
		l := p.idle[last]
		p.idle = p.idle[:last]
		return l, nil
	}
	data, err := p.program.emit()
	if err != nil {
		return nil, err
	}
	b := &graphBackend{plan: p, machine: machine{pool: &kernel.Pool{Budget: p.budget}, threads: p.threads},
		edges: make(map[int64][]*simple.WeightedEdge)}
	b.program = &program{slots: p.program.slots, consts: p.program.consts, loads: p.program.loads}
	m := onnx.NewModel(b)
	if err := m.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	return &lane{model: m, backend: b}, b.finish(m)
}

// finish completes the program after onnx-go has decoded the model.
func (b *graphBackend) finish(m *onnx.Model) error {
	ends := func(ids []int64) (nodes []*valueNode, slots []int, err error) {
		for _, id := range ids {
			n := b.nodes[id]
			slot, err := n.slot()
			if err != nil {
				return nil, nil, err
			}
			nodes, slots = append(nodes, n), append(slots, slot)
		}
		return nodes, slots, nil
	}
	var err error
	if b.inputs, b.program.inputs, err = ends(m.Input); err != nil {
		return err
	}
	if b.outputs, b.program.outputs, err = ends(m.Output); err != nil {
		return err
	}
	have := make(map[int]bool)
	for slot := range b.program.consts {
		have[slot] = true
	}
	for slot := range b.program.loads {
		have[slot] = true
	}
	for _, slot := range b.program.inputs {
		have[slot] = true
	}
	for _, s := range b.program.steps {
		for _, slot := range s.in {
			if slot != none && !have[slot] {
				return fmt.Errorf("onnx-go put %v before what it reads", s.node)
			}
		}
		for _, slot := range s.out {
			have[slot] = true
		}
	}
	b.program.settle()
	return nil
}

// release gives a lane back.
func (p *plan) release(l *lane) {
	p.mu.Lock()
	p.idle = append(p.idle, l)
	p.mu.Unlock()
}

// run computes the outputs. A lane that failed is not used again.
func (p *plan) run(ctx context.Context, inputs map[string]*kernel.Tensor) (map[string]*kernel.Tensor, error) {
	out := make(map[string]*kernel.Tensor, len(p.known)+len(p.passed)+len(p.computed))
	for name, t := range p.known {
		out[name] = (&kernel.Value{Tensor: *t}).Detach()
	}
	for name, in := range p.passed {
		out[name] = (&kernel.Value{Tensor: *inputs[in]}).Detach()
	}
	if len(p.computed) == 0 {
		return out, nil
	}
	l, err := p.lane()
	if err != nil {
		return nil, err
	}
	for i, v := range p.inputs {
		if err := l.model.SetInput(i, tensorCarrier{t: inputs[v.Name]}); err != nil {
			return nil, err
		}
	}
	l.backend.ctx = ctx
	if err := l.backend.Run(); err != nil {
		return nil, err
	}
	tensors, err := l.model.GetOutputTensors()
	if err != nil {
		return nil, err
	}
	for i, t := range tensors {
		out[p.computed[i]] = t.(tensorCarrier).t
	}
	l.backend.rest()
	p.release(l)
	return out, nil
}

// rest lets go of the results of the last run.
func (b *graphBackend) rest() {
	b.ctx = nil
	for _, n := range b.outputs {
		n.t = nil
	}
}
