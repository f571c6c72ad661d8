package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/memory"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// compiler lowers graphs to programs. Constants are computed once for all.
type compiler struct {
	model    *onnxgraph.Model
	threads  int
	budget   kernel.Budget
	lean     bool
	given    map[*onnxgraph.Weight]bool // weights that every run is given, see Tape; nil outside of one
	batch    bool                       // BatchNormalization takes the statistics of the batch
	consts   map[*onnxgraph.Value]*kernel.Tensor
	inferred *onnxgraph.ShapeInfo // see shapes
}

// shapes returns what is known of the values' types and shapes.
func (c *compiler) shapes() *onnxgraph.ShapeInfo {
	if c.inferred == nil {
		c.inferred = onnxgraph.Shapes(c.model)
	}
	return c.inferred
}

// constant returns the value of v if it is known before any run, else nil.
func (c *compiler) constant(v *onnxgraph.Value) (*kernel.Tensor, error) {
	if t, ok := c.consts[v]; ok || v.Weight == nil || c.given[v.Weight] {
		return t, nil
	}
	t, err := c.model.Tensor(v.Weight)
	if err != nil {
		return nil, err
	}
	c.consts[v] = t
	return t, nil
}

// leanFrom is the size in elements from which weights are read when they are
// needed.
const leanFrom = 1 << 16

// late reports whether v is a weight that steps read when they need it.
func (c *compiler) late(v *onnxgraph.Value) bool {
	return c.lean && v.Weight != nil && v.Weight.Elements() >= leanFrom && c.consts[v] == nil
}

// scope is a graph being lowered.
type scope struct {
	*compiler
	program *program
	slots   map[*onnxgraph.Value]int
	wanted  map[*onnxgraph.Value]bool // what somebody reads
}

// lower makes the program that computes outputs from inputs by the nodes of g.
// outputs that are constants are left to the caller of the program's results:
// they have slots like all others.
func (c *compiler) lower(g *onnxgraph.Graph, inputs, outputs []*onnxgraph.Value) (*program, error) {
	s := &scope{compiler: c, slots: make(map[*onnxgraph.Value]int), wanted: make(map[*onnxgraph.Value]bool),
		program: &program{consts: make(map[int]*kernel.Value), loads: make(map[int]load)}}
	for _, v := range inputs {
		s.program.inputs = append(s.program.inputs, s.slot(v))
	}
	for _, v := range outputs {
		s.wanted[v] = true
	}
	var rest []*onnxgraph.Node
	for _, n := range s.prune(g) {
		if !s.early(n) {
			rest = append(rest, n)
		} else if err := s.node(n); err != nil {
			return nil, err
		}
	}
	for _, n := range s.fuse(rest, outputs) {
		if err := s.node(n); err != nil {
			return nil, err
		}
	}
	for _, v := range outputs {
		slot, err := s.operand(v)
		if err != nil {
			return nil, err
		}
		s.program.outputs = append(s.program.outputs, slot)
	}
	s.program.slots = len(s.slots)
	s.program.settle()
	return s.program, nil
}

// prune returns the nodes that wanted values depend on, in order, and marks
// every value that they read as wanted.
func (s *scope) prune(g *onnxgraph.Graph) []*onnxgraph.Node {
	keep := make([]bool, len(g.Nodes))
	count := 0
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		for _, v := range n.Outputs {
			keep[i] = keep[i] || v != nil && s.wanted[v]
		}
		if !keep[i] {
			continue
		}
		count++
		for _, v := range n.Inputs {
			if v != nil {
				s.wanted[v] = true
			}
		}
		for _, v := range captures(n) {
			s.wanted[v] = true
		}
	}
	needed := make([]*onnxgraph.Node, 0, count)
	for i, n := range g.Nodes {
		if keep[i] {
			needed = append(needed, n)
		}
	}
	return needed
}

// early tells whether everything that n reads is known before any run.
func (s *scope) early(n *onnxgraph.Node) bool {
	for _, v := range slices.Concat(n.Inputs, captures(n)) {
		if v == nil {
			continue
		}
		if s.late(v) {
			return false
		}
		if t, err := s.constant(v); err != nil || t == nil {
			return false
		}
	}
	return true
}

// node lowers one node: it is computed now if it can be, else becomes a step.
func (s *scope) node(n *onnxgraph.Node) error {
	if len(n.Outputs) == 1 && n.Outputs[0] != nil && n.Outputs[0].Weight != nil {
		return nil // Constant
	}
	if s.batch && n.Op == "BatchNormalization" {
		n = trained(n)
	}
	inner, err := s.variable(captures(n))
	if err != nil {
		return nodeError(n, err)
	}
	reads := slices.Concat(n.Inputs, inner)
	k := &kernel.Node{Op: n.Op, Domain: n.Domain, Version: n.Version, Attrs: n.Attrs, Load: s.model.Tensor,
		Const: make([]*kernel.Tensor, len(reads)), Given: make([]bool, len(reads)), Wanted: make([]bool, len(n.Outputs))}
	folds := true
	for i, v := range reads {
		if v == nil {
			continue
		}
		if s.late(v) {
			k.Given[i], folds = true, false
			continue
		}
		t, err := s.constant(v)
		if err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
		k.Const[i], k.Given[i] = t, true
		folds = folds && t != nil
	}
	for i, v := range n.Outputs {
		k.Wanted[i] = v != nil && s.wanted[v]
	}
	run, err := s.prepare(n, k, inner)
	if err != nil {
		return err
	}
	if folds && s.fold(n, k, run) {
		return nil
	}
	if err := s.emit(n, reads, run); err != nil || s.given == nil {
		return err
	}
	s.program.steps[len(s.program.steps)-1].prepared = k
	return nil
}

// variable returns those of the values that are not constant.
func (c *compiler) variable(values []*onnxgraph.Value) ([]*onnxgraph.Value, error) {
	var out []*onnxgraph.Value
	for _, v := range values {
		if c.late(v) {
			out = append(out, v)
			continue
		}
		t, err := c.constant(v)
		if err != nil {
			return nil, err
		}
		if t == nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// prepare makes the kernel of a node.
func (s *scope) prepare(n *onnxgraph.Node, k *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error) {
	name := n.Op
	if n.Domain != "" {
		name = n.Domain + "." + n.Op
	}
	if control, ok := controls[name]; ok {
		run, err := control(s.compiler, n, k, inner)
		return run, nodeError(n, err)
	}
	prepare, ok := kernel.Lookup(n.Domain, n.Op, n.Version)
	if !ok {
		return nil, &UnsupportedError{Node: n.String(), Op: n.Op, Domain: n.Domain, Version: n.Version}
	}
	run, err := prepare(k)
	return run, nodeError(n, err)
}

// nodeError puts the node before an error that does not name one yet.
func nodeError(n *onnxgraph.Node, err error) error {
	var unsupported *UnsupportedError
	if err == nil || errors.As(err, &unsupported) {
		return err
	}
	return fmt.Errorf("%v: %w", n, err)
}

// fold computes a node whose inputs are constant. A node that fails is left to
// fail when it runs, if it ever does.
func (s *scope) fold(n *onnxgraph.Node, k *kernel.Node, run kernel.Kernel) bool {
	st := &step{node: n, run: run, last: make([]bool, len(k.Const))}
	values := make([]*kernel.Value, 0, len(k.Const)+len(n.Outputs))
	slot := func(v *kernel.Value) int {
		values = append(values, v)
		return len(values) - 1
	}
	for _, t := range k.Const {
		if t == nil {
			st.in = append(st.in, none)
		} else {
			st.in = append(st.in, slot(kernel.Foreign(t)))
		}
	}
	for i := range n.Outputs {
		if !k.Wanted[i] {
			st.out = append(st.out, none)
		} else {
			st.out = append(st.out, slot(nil))
		}
	}
	m := &machine{pool: &kernel.Pool{Budget: s.budget}, threads: s.threads}
	if err := st.apply(m.call(context.Background()), values, nil); err != nil {
		return false
	}
	for i, v := range n.Outputs {
		if k.Wanted[i] {
			s.consts[v] = values[st.out[i]].Detach()
		}
	}
	return true
}

// emit appends a step.
func (s *scope) emit(n *onnxgraph.Node, reads []*onnxgraph.Value, run kernel.Kernel) error {
	st := &step{node: n, run: run}
	for _, v := range reads {
		slot, err := s.read(v)
		if err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
		st.in = append(st.in, slot)
	}
	for _, v := range n.Outputs {
		if v == nil || !s.wanted[v] {
			st.out = append(st.out, none)
			continue
		}
		st.out = append(st.out, s.slot(v))
	}
	s.program.steps = append(s.program.steps, st)
	return nil
}

// read returns the slot of a value that a step reads.
func (s *scope) read(v *onnxgraph.Value) (int, error) {
	if v == nil || !s.late(v) {
		return s.operand(v)
	}
	slot := s.slot(v)
	s.program.loads[slot] = func() (*kernel.Tensor, error) {
		memory.Waste(8 * v.Weight.Elements()) // the last one that was read, and what it was made from
		return s.model.Tensor(v.Weight)
	}
	return slot, nil
}

// operand returns the slot of a value that is read, and fills it if the value
// is constant.
func (s *scope) operand(v *onnxgraph.Value) (int, error) {
	if v == nil {
		return none, nil
	}
	t, err := s.constant(v)
	if err != nil {
		return none, err
	}
	slot, known := s.slots[v]
	if !known {
		if t == nil {
			return none, fmt.Errorf("nothing defines %q", v.Name)
		}
		slot = s.slot(v)
	}
	if t != nil && s.program.consts[slot] == nil {
		s.program.consts[slot] = kernel.Foreign(t)
	}
	return slot, nil
}

// slot returns the slot of a value, a new one if it has none.
func (s *scope) slot(v *onnxgraph.Value) int {
	slot, ok := s.slots[v]
	if !ok {
		slot = len(s.slots)
		s.slots[v] = slot
	}
	return slot
}

// captures lists the values of scopes around a node that its bodies read, each
// once.
func captures(n *onnxgraph.Node) []*onnxgraph.Value {
	var out []*onnxgraph.Value
	seen := make(map[*onnxgraph.Value]bool)
	for _, g := range bodies(n) {
		inside := make(map[*onnxgraph.Graph]bool)
		collect(g, inside, func(v *onnxgraph.Value) {
			if !inside[v.Graph] && !seen[v] {
				seen[v] = true
				out = append(out, v)
			}
		})
	}
	return out
}

// collect calls f for every value read in g and the bodies within.
func collect(g *onnxgraph.Graph, inside map[*onnxgraph.Graph]bool, f func(*onnxgraph.Value)) {
	inside[g] = true
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil {
				f(v)
			}
		}
		for _, b := range bodies(n) {
			collect(b, inside, f)
		}
	}
	for _, v := range g.Outputs {
		f(v)
	}
}

// bodies lists the graphs among a node's attributes, by name.
func bodies(n *onnxgraph.Node) []*onnxgraph.Graph {
	var out []*onnxgraph.Graph
	for _, name := range []string{"then_branch", "else_branch", "body"} {
		if g := n.Attrs[name].Graph; g != nil {
			out = append(out, g)
		}
	}
	return out
}
