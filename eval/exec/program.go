package exec

import (
	"context"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// step is a prepared node of a program.
type step struct {
	node *onnxgraph.Node
	run  kernel.Kernel
	in   []int // slots; none for an input left out
	out  []int // slots; none for an output nobody reads
	last []bool
	drop []int // slots whose last reader this is

	prepared *kernel.Node // what run was made from; of a Tape's steps
}

// none stands for no slot.
const none = -1

// program is a list of steps in an order in which they can run, and the slots
// their values are kept in.
type program struct {
	steps   []*step
	slots   int
	consts  map[int]*kernel.Value // slots filled before the first step
	loads   map[int]load          // slots filled for each step that reads them
	inputs  []int
	outputs []int
}

// load reads a weight.
type load func() (*kernel.Tensor, error)

// fixed reports whether a slot holds a weight or another constant.
func (p *program) fixed(slot int) bool { return p.consts[slot] != nil || p.loads[slot] != nil }

// settle finds, for every slot, the step that reads it last. Outputs and
// constants live to the end.
func (p *program) settle() {
	reader := make(map[int]*step)
	keep := make(map[int]bool)
	for _, slot := range p.outputs {
		keep[slot] = true
	}
	for slot := range p.consts {
		keep[slot] = true
	}
	for slot := range p.loads {
		keep[slot] = true
	}
	for _, s := range p.steps {
		for _, slot := range s.in {
			reader[slot] = s
		}
	}
	for _, s := range p.steps {
		s.last, s.drop = make([]bool, len(s.in)), nil
		dropped := make(map[int]bool)
		for i, slot := range s.in {
			if slot == none || keep[slot] || reader[slot] != s {
				continue
			}
			s.last[i] = true
			if !dropped[slot] {
				dropped[slot] = true
				s.drop = append(s.drop, slot)
			}
		}
	}
}

// machine is what a run of a program and of the programs within it share.
type machine struct {
	pool    *kernel.Pool
	threads int
}

func (m *machine) call(ctx context.Context) *kernel.Call {
	return &kernel.Call{Ctx: ctx, Pool: m.pool, Threads: m.threads}
}

// execute runs a program. It takes over one count of every input and gives one
// of every output.
func (m *machine) execute(ctx context.Context, p *program, inputs []*kernel.Value) ([]*kernel.Value, error) {
	values := make([]*kernel.Value, p.slots)
	for slot, v := range p.consts {
		values[slot] = v
	}
	for i, slot := range p.inputs {
		values[slot] = inputs[i]
	}
	call := m.call(ctx)
	for _, s := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.apply(call, values, p.loads); err != nil {
			return nil, err
		}
	}
	return p.results(values), nil
}

// results hands out the outputs and releases what else is left.
func (p *program) results(values []*kernel.Value) []*kernel.Value {
	out := make([]*kernel.Value, len(p.outputs))
	for i, slot := range p.outputs {
		out[i] = values[slot]
		out[i].Retain()
	}
	for _, v := range values {
		if v != nil {
			v.Release()
		}
	}
	return out
}

// apply runs the step on the values of a program.
func (s *step) apply(c *kernel.Call, values []*kernel.Value, loads map[int]load) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: internal fault: %v", s.node, r)
		}
	}()
	c.In, c.Values, c.Out = resized(c.In, len(s.in)), resized(c.Values, len(s.in)), resized(c.Out, len(s.out))
	c.Last = append(c.Last[:0], s.last...)
	for i, slot := range s.in {
		if slot != none && values[slot] == nil && loads[slot] != nil {
			t, err := loads[slot]()
			if err != nil {
				return fmt.Errorf("%v: %w", s.node, err)
			}
			values[slot] = kernel.Foreign(t)
			defer func() { values[slot] = nil }()
		}
		if slot != none {
			c.Values[i] = values[slot]
			c.In[i] = &values[slot].Tensor
		}
	}
	if err := s.run(c); err != nil {
		return fmt.Errorf("%v: %w", s.node, err)
	}
	c.End()
	for i, slot := range s.out {
		switch v := c.Out[i]; {
		case slot != none && v == nil:
			return fmt.Errorf("%v: output %d is not supported", s.node, i)
		case slot != none:
			values[slot] = v
		case v != nil:
			v.Release()
		}
	}
	for _, slot := range s.drop {
		values[slot].Release()
		values[slot] = nil
	}
	return nil
}

// resized returns n zero elements, in s's memory if that suffices.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
