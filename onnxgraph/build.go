package onnxgraph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// maxNodes bounds what calls of local functions expand to.
const maxNodes = 1 << 18

// A builder turns the messages of one file into Graphs.
type builder struct {
	file    *file
	funcs   map[funcKey]*onnxpb.FunctionProto
	orders  map[*onnxpb.FunctionProto][]*onnxpb.NodeProto
	rows    map[*onnxpb.NodeProto]int
	weights map[int]*Weight // by site
	names   map[string]int  // of weights: how often each was asked for
	nodes   int             // inside of calls
}

// A scope is where names are looked up while a graph, or the body of a
// function, is built.
type scope struct {
	graph  *Graph
	values map[string]*Value // nil marks an argument left out of a call
	outer  *scope
	call   *call // the call being expanded; nil outside of functions
	opsets map[string]int64
	types  map[string]*onnxpb.TypeProto
	local  bool // symbolic sizes mean nothing outside of the scope
}

// build makes the graph of a model and lists its dense weights.
func build(f *file, pb *onnxpb.ModelProto, opsets map[string]int64) (*Graph, []*Weight, error) {
	b := &builder{
		file:    f,
		funcs:   map[funcKey]*onnxpb.FunctionProto{},
		orders:  map[*onnxpb.FunctionProto][]*onnxpb.NodeProto{},
		rows:    map[*onnxpb.NodeProto]int{},
		weights: map[int]*Weight{},
		names:   map[string]int{},
	}
	for _, fn := range pb.GetFunctions() {
		key := funcKey{domain(fn.GetDomain()), fn.GetName(), fn.GetOverload()}
		if b.funcs[key] != nil {
			return nil, nil, fmt.Errorf("function %s is defined twice", key)
		}
		b.funcs[key] = fn
	}
	g, err := b.graph(pb.GetGraph(), &scope{opsets: opsets}, nil)
	if err != nil {
		return nil, nil, err
	}
	var dense []*Weight
	for _, w := range b.weights {
		if !w.Sparse {
			dense = append(dense, w)
		}
	}
	slices.SortFunc(dense, func(a, b *Weight) int { return cmp.Compare(a.index, b.index) })
	return g, dense, nil
}

// graph builds one scope: the main graph, or the body of a node.
func (b *builder) graph(pb *onnxpb.GraphProto, outer *scope, of *Node) (*Graph, error) {
	g := &Graph{Name: pb.GetName(), Outer: of}
	s := &scope{graph: g, values: map[string]*Value{}, call: outer.call, opsets: outer.opsets}
	if of != nil {
		s.outer = outer
		s.local = outer.local || of.Op != "If"
	}
	s.declare(pb.GetValueInfo())
	s.declare(pb.GetOutput())
	s.declare(pb.GetInput())
	if err := b.initializers(pb, s); err != nil {
		return nil, err
	}
	for _, in := range pb.GetInput() {
		name := in.GetName()
		if v := s.values[name]; v != nil {
			if v.Weight == nil {
				return nil, fmt.Errorf("graph %q has two inputs %q", g.Name, name)
			}
			continue
		}
		g.Inputs = append(g.Inputs, s.define(name))
	}
	order, err := sortNodes(pb.GetNode(), s)
	if err != nil {
		return nil, fmt.Errorf("graph %q: %w", g.Name, err)
	}
	for i, n := range pb.GetNode() {
		b.rows[n] = i
	}
	for _, n := range order {
		if err := b.node(n, s); err != nil {
			return nil, err
		}
	}
	for _, out := range pb.GetOutput() {
		v, ok := s.find(out.GetName())
		if !ok || v == nil {
			return nil, fmt.Errorf("graph %q: nothing defines its output %q", g.Name, out.GetName())
		}
		g.Outputs = append(g.Outputs, v)
	}
	return g, nil
}

// initializers defines the weights of a graph, dense ones first.
func (b *builder) initializers(pb *onnxpb.GraphProto, s *scope) error {
	add := func(name string, w *Weight) error {
		if s.values[name] != nil {
			return fmt.Errorf("graph %q has two initializers %q", pb.GetName(), name)
		}
		v := s.define(name)
		v.setWeight(w)
		return nil
	}
	for _, t := range pb.GetInitializer() {
		w, err := b.weight(t, t.GetName())
		if err == nil {
			err = add(t.GetName(), w)
		}
		if err != nil {
			return err
		}
	}
	for _, t := range pb.GetSparseInitializer() {
		name := t.GetValues().GetName()
		w, err := b.sparse(t, name)
		if err == nil {
			err = add(name, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// node builds a node in a scope whose values are complete up to it.
func (b *builder) node(pb *onnxpb.NodeProto, s *scope) error {
	if s.call != nil {
		b.nodes++
	}
	if b.nodes > maxNodes {
		return fmt.Errorf("calls of functions expand to more than %d nodes", maxNodes)
	}
	n := &Node{
		Name: s.call.prefix(pb.GetName()), Op: pb.GetOpType(), Domain: domain(pb.GetDomain()),
		Graph: s.graph, row: -1,
	}
	if s.call == nil {
		n.row = b.rows[pb]
	}
	for _, name := range pb.GetInput() {
		v, ok := s.find(name)
		if !ok && name != "" {
			return fmt.Errorf("%s reads %q, which nothing defines", n.text(pb), name)
		}
		n.Inputs = append(n.Inputs, v)
	}
	if fn := b.funcs[funcKey{n.Domain, n.Op, pb.GetOverload()}]; fn != nil {
		return b.expand(n, pb, fn, s)
	}
	n.Version = max(s.opsets[n.Domain], 1)
	if err := b.attributes(n, pb, s); err != nil {
		return err
	}
	for i, name := range pb.GetOutput() {
		var v *Value
		if name != "" {
			v = s.define(name)
			v.Producer, v.Output = n, i
		}
		n.Outputs = append(n.Outputs, v)
	}
	s.append(n)
	return b.constant(n, pb)
}

// append puts a finished node at the end of the scope's graph.
func (s *scope) append(n *Node) {
	n.index = len(s.graph.Nodes)
	for i, v := range n.Inputs {
		if v != nil {
			v.Uses = append(v.Uses, Use{n, i})
		}
	}
	s.graph.Nodes = append(s.graph.Nodes, n)
}

// find looks a name up in the scope and those around it. The value is nil for
// the empty name and for an argument left out of a call.
func (s *scope) find(name string) (*Value, bool) {
	if name == "" {
		return nil, false
	}
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// define makes the value of a name.
func (s *scope) define(name string) *Value {
	v := &Value{Name: s.call.prefix(name), Graph: s.graph}
	s.values[name] = v
	s.declared(v, s.types[name])
	return v
}
