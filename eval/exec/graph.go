package exec

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
)

// graphBackend is the backend that onnx-go builds a lowered model in and runs.
// Its nodes are values; an edge leads from what a node of the model computes
// to each thing it reads, weighted by the place among its inputs.
type graphBackend struct {
	plan    *plan
	machine machine
	nodes   []*valueNode
	edges   map[int64][]*simple.WeightedEdge // by the node they start from
	program *program
	inputs  []*valueNode
	outputs []*valueNode
	ctx     context.Context // of the run under way
}

var _ backend.ComputationBackend = (*graphBackend)(nil)

// valueNode is a value of the lowered model.
type valueNode struct {
	id   int64
	name string
	t    tensor.Tensor
}

var (
	_ onnx.Namer       = (*valueNode)(nil)
	_ onnx.DataCarrier = (*valueNode)(nil)
)

func (n *valueNode) ID() int64                       { return n.id }
func (n *valueNode) SetName(s string)                { n.name = s }
func (n *valueNode) GetName() string                 { return n.name }
func (n *valueNode) SetTensor(t tensor.Tensor) error { n.t = t; return nil }
func (n *valueNode) GetTensor() tensor.Tensor        { return n.t }

// slot returns the slot of the program that the value is kept in.
func (n *valueNode) slot() (int, error) {
	slot, err := strconv.Atoi(n.name[min(1, len(n.name)):])
	if err != nil {
		return none, fmt.Errorf("onnx-go gave a value the name %q", n.name)
	}
	return slot, nil
}

// tensorCarrier carries a tensor of ours through onnx-go, which hands it on and
// never looks inside. (A tensor.Dense could not hold a tensor without elements.)
type tensorCarrier struct {
	tensor.Tensor // nil
	t             *kernel.Tensor
}

func (c tensorCarrier) Shape() tensor.Shape { return tensor.Shape(c.t.Shape) }
func (c tensorCarrier) Data() any           { return c.t.Data }

// ApplyOperation is told of a node of the lowered model: its number is the
// attribute "step", its outputs are nodes.
func (b *graphBackend) ApplyOperation(op onnx.Operation, outputs ...graph.Node) error {
	number, ok := op.Attributes[stepAttr].(int64)
	if !ok || number < 0 || number >= int64(len(b.plan.program.steps)) {
		return fmt.Errorf("onnx-go gave operator %s the number %v", op.Name, op.Attributes[stepAttr])
	}
	st := *b.plan.program.steps[number]
	edges := slices.Clone(b.edges[outputs[0].ID()])
	slices.SortFunc(edges, func(x, y *simple.WeightedEdge) int { return int(x.W - y.W) })
	if err := b.connect(&st, edges, outputs); err != nil {
		return fmt.Errorf("%v: %w", st.node, err)
	}
	b.program.steps = append(b.program.steps, &st)
	return nil
}

// connect takes the step's slots from the graph: the inputs that are not
// constant from the edges in order, the outputs from the nodes.
func (b *graphBackend) connect(st *step, edges []*simple.WeightedEdge, outputs []graph.Node) error {
	in, out := slices.Clone(st.in), slices.Clone(st.out)
	for i, slot := range in {
		if slot == none || b.plan.program.fixed(slot) {
			continue
		}
		if len(edges) == 0 {
			return fmt.Errorf("onnx-go lost input %d", i)
		}
		var err error
		if in[i], err = edges[0].T.(*valueNode).slot(); err != nil {
			return err
		}
		edges = edges[1:]
	}
	for i, slot := range out {
		if slot == none {
			continue
		}
		if len(outputs) == 0 {
			return fmt.Errorf("onnx-go lost output %d", i)
		}
		var err error
		if out[i], err = outputs[0].(*valueNode).slot(); err != nil {
			return err
		}
		outputs = outputs[1:]
	}
	st.in, st.out = in, out
	return nil
}

// Run computes the outputs of the graph from the tensors set on its inputs.
func (b *graphBackend) Run() error {
	inputs := make([]*kernel.Value, len(b.inputs))
	for i, n := range b.inputs {
		c, ok := n.t.(tensorCarrier)
		if !ok {
			return fmt.Errorf("input %s is not set", n.name)
		}
		inputs[i] = kernel.Foreign(c.t)
		n.t = nil
	}
	results, err := b.machine.execute(b.ctx, b.program, inputs)
	if err != nil {
		return err
	}
	for i, v := range results {
		b.outputs[i].t = tensorCarrier{t: detach(v)}
	}
	b.machine.pool.Trim()
	return nil
}

// NewNode returns a node whose number is the count of nodes, so that the i-th
// input of the model, which onnx-go adds first, is node i.
func (b *graphBackend) NewNode() graph.Node { return &valueNode{id: int64(len(b.nodes))} }

// AddNode adds what NewNode returned.
func (b *graphBackend) AddNode(n graph.Node) { b.nodes = append(b.nodes, n.(*valueNode)) }

// NewWeightedEdge returns an edge to be added.
func (b *graphBackend) NewWeightedEdge(from, to graph.Node, weight float64) graph.WeightedEdge {
	return &simple.WeightedEdge{F: from, T: to, W: weight}
}

// SetWeightedEdge adds an edge. Unlike in most graphs, two nodes may have
// several: an operator may read one value twice.
func (b *graphBackend) SetWeightedEdge(e graph.WeightedEdge) {
	from := e.From().ID()
	b.edges[from] = append(b.edges[from], e.(*simple.WeightedEdge))
}

// Node returns the node of the given number, nil if there is none.
func (b *graphBackend) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(b.nodes)) {
		return nil
	}
	return b.nodes[id]
}

// Nodes returns all nodes.
func (b *graphBackend) Nodes() graph.Nodes {
	all := make([]graph.Node, len(b.nodes))
	for i, n := range b.nodes {
		all[i] = n
	}
	return iterator.NewOrderedNodes(all)
}

// From returns the nodes that node id reads.
func (b *graphBackend) From(id int64) graph.Nodes {
	var out []graph.Node
	for _, e := range b.edges[id] {
		if !slices.Contains(out, e.T) {
			out = append(out, e.T)
		}
	}
	return iterator.NewOrderedNodes(out)
}

// To returns the nodes that read node id.
func (b *graphBackend) To(id int64) graph.Nodes {
	var out []graph.Node
	for _, n := range b.nodes {
		if b.HasEdgeFromTo(n.id, id) {
			out = append(out, n)
		}
	}
	return iterator.NewOrderedNodes(out)
}

// HasEdgeFromTo tells whether node from reads node to.
func (b *graphBackend) HasEdgeFromTo(from, to int64) bool { return b.Edge(from, to) != nil }

// HasEdgeBetween tells whether one of two nodes reads the other.
func (b *graphBackend) HasEdgeBetween(x, y int64) bool {
	return b.HasEdgeFromTo(x, y) || b.HasEdgeFromTo(y, x)
}

// Edge returns the first edge between two nodes, nil if there is none.
func (b *graphBackend) Edge(from, to int64) graph.Edge {
	for _, e := range b.edges[from] {
		if e.T.ID() == to {
			return e
		}
	}
	return nil
}
