package exec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Options says how a session runs.
type Options struct {
	Threads int // goroutines for one run; 0 for one a core

	// MaxMemory is how many bytes the tensors of one run may take, besides the
	// weights and inputs; 0 for 2 GB and 32 times the weights.
	MaxMemory int64

	// Lean reads large weights when a step needs them, and lets them go after
	// it, instead of packing them once: a run takes longer, and memory is that
	// of the largest weight.
	Lean bool
}

// Session runs one model. It may be used by several goroutines at once.
type Session struct {
	values map[string]*onnxgraph.Value // of the main graph
	inputs []*onnxgraph.Value

	mu       sync.Mutex
	compiler *compiler // nil after Close
	plans    map[string]*plan
}

// New prepares a model: constants are computed and weights packed. The model
// must stay open until the session is closed.
//
// Errors: *UnsupportedError for an operator that is not known.
func New(m *onnxgraph.Model, opts Options) (*Session, error) {
	threads := opts.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	s := &Session{
		values: make(map[string]*onnxgraph.Value), inputs: m.Graph.Inputs, plans: make(map[string]*plan),
		compiler: &compiler{model: m, threads: threads, budget: budgetFor(m, opts.MaxMemory), lean: opts.Lean, consts: make(map[*onnxgraph.Value]*kernel.Tensor)},
	}
	for _, v := range m.Graph.Inputs {
		s.values[v.Name] = v
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v != nil {
				s.values[v.Name] = v
			}
		}
	}
	for _, v := range m.Graph.Outputs {
		s.values[v.Name] = v
	}
	if _, err := s.plan(nil); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return s, nil
}

// Bodies of If, Loop and Scan run a million times at most, so that loops which
// do not end are told; those of networks run some thousand times.
const mostBodies = 1 << 20

// budgetFor bounds what a run of m takes.
func budgetFor(m *onnxgraph.Model, bytes int64) kernel.Budget {
	if bytes <= 0 {
		bytes = 2 << 30
		for _, w := range m.Weights() {
			bytes += 32 * w.Elements() * int64(w.Type.Bits()) / 8
		}
	}
	return kernel.Budget{Bytes: bytes, Bodies: mostBodies}
}

// Run computes values from the model's inputs: its outputs if outputs is nil,
// else the values of the given names, which may be any of the main graph.
// The tensors returned are the caller's.
//
// Errors: an input that is missing, unknown, or of another type or shape than
// the model declares; a node that fails, by its name; a *BudgetError when
// the graph asks for more memory or turns of loops than a run may take; ctx's
// error.
func (s *Session) Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error) {
	out, err := s.run(ctx, inputs, outputs)
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return out, nil
}

func (s *Session) run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (out map[string]*onnxgraph.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal fault: %v", r)
		}
	}()
	p, err := s.plan(outputs)
	if err != nil {
		return nil, err
	}
	if err := s.check(p, inputs); err != nil {
		return nil, err
	}
	return p.run(ctx, inputs)
}

// Close lets the session's memory go. Running it afterwards is an error.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compiler, s.plans = nil, nil
	return nil
}

// plan returns the plan for the named outputs.
func (s *Session) plan(outputs []string) (*plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.compiler == nil {
		return nil, errors.New("the session is closed")
	}
	var values []*onnxgraph.Value
	if outputs == nil {
		values = s.compiler.model.Graph.Outputs
	}
	for _, name := range outputs {
		v, ok := s.values[name]
		if !ok {
			return nil, fmt.Errorf("the model has no value %q", name)
		}
		values = append(values, v)
	}
	unique := values[:0:0]
	var key strings.Builder
	for _, v := range values {
		if !slices.Contains(unique, v) {
			unique = append(unique, v)
			fmt.Fprintf(&key, "%q", v.Name)
		}
	}
	if p, ok := s.plans[key.String()]; ok {
		return p, nil
	}
	p, err := newPlan(s.compiler, unique)
	if err == nil {
		s.plans[key.String()] = p
	}
	return p, err
}

// check tells whether the inputs are those that the model declares. An input
// that the plan does not read may be missing.
func (s *Session) check(p *plan, inputs map[string]*onnxgraph.Tensor) error {
	for name, t := range inputs {
		v := s.values[name]
		if v == nil || !slices.Contains(s.inputs, v) {
			return fmt.Errorf("the model has no input %q; it has %s", name, s.inputNames())
		}
		if t == nil {
			return fmt.Errorf("input %q is nil", name)
		}
		if err := kernel.CheckTensor(t); err != nil {
			return fmt.Errorf("input %q: %w", name, err)
		}
		if v.Type != onnxgraph.Undefined && v.Type != t.Type {
			return fmt.Errorf("input %q has elements of type %v, the model wants %v", name, t.Type, v.Type)
		}
		if !fits(v, t.Shape) {
			return fmt.Errorf("input %q has shape %v, the model wants %v", name, t.Shape, v.Declared)
		}
	}
	for _, v := range p.inputs {
		if inputs[v.Name] == nil {
			return fmt.Errorf("input %q is missing", v.Name)
		}
	}
	for name := range p.passed {
		if inputs[name] == nil {
			return fmt.Errorf("input %q is missing", name)
		}
	}
	return nil
}

func (s *Session) inputNames() string {
	if len(s.inputs) == 0 {
		return "none"
	}
	names := make([]string, len(s.inputs))
	for i, v := range s.inputs {
		names[i] = fmt.Sprintf("%q", v.Name)
	}
	return strings.Join(names, ", ")
}

// fits tells whether a shape agrees with the one a value declares, as far as
// that is known.
func fits(v *onnxgraph.Value, shape []int) bool {
	if !v.HasShape {
		return true
	}
	if len(v.Declared) != len(shape) {
		return false
	}
	for i, d := range v.Declared {
		if n, known := d.Known(); known && int(n) != shape[i] {
			return false
		}
	}
	return true
}
