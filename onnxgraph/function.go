package onnxgraph

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// maxCalls bounds the nesting of calls of local functions.
const maxCalls = 64

// A funcKey identifies a local function.
type funcKey struct{ domain, name, overload string }

func (k funcKey) String() string {
	s := k.name
	if k.domain != "" {
		s = k.domain + "." + s
	}
	if k.overload != "" {
		s += ":" + k.overload
	}
	return fmt.Sprintf("%q", s)
}

// A call is one call of a local function while it is expanded.
type call struct {
	node  *Node // not part of the graph
	attrs map[string]argument
	env   *call // the call around it
	depth int
}

// An argument is an attribute given to a call, and the scope in which its
// bodies look names up.
type argument struct {
	pb    *onnxpb.AttributeProto
	scope *scope
}

// prefix returns the name of something inside the call.
func (c *call) prefix(name string) string {
	switch {
	case c == nil || name == "":
		return name
	case c.node.Name == "":
		return c.env.prefix(c.node.Op + "/" + name)
	}
	return c.node.Name + "/" + name
}

// resolve returns an attribute of a node of the scope, or what the call being
// expanded gives for the one it refers to. The result has no message when the
// caller left that out and it has no default.
func (s *scope) resolve(a *onnxpb.AttributeProto) argument {
	if ref := a.GetRefAttrName(); ref != "" && s.call != nil {
		return s.call.attrs[ref]
	}
	return argument{a, s}
}

// expand builds the nodes of a function in place of a call of it. The function
// sees nothing but its arguments, and the outputs of the call are the values it
// returns.
func (b *builder) expand(n *Node, pb *onnxpb.NodeProto, fn *onnxpb.FunctionProto, outer *scope) error {
	key := funcKey{n.Domain, n.Op, pb.GetOverload()}
	c := &call{node: n, env: outer.call, attrs: map[string]argument{}}
	if c.env != nil {
		c.depth = c.env.depth + 1
	}
	if c.depth > maxCalls {
		return fmt.Errorf("%s: calls of function %s nested deeper than %d", n.text(pb), key, maxCalls)
	}
	if len(n.Inputs) > len(fn.GetInput()) || len(pb.GetOutput()) > len(fn.GetOutput()) {
		return fmt.Errorf("%s has %d inputs and %d outputs, function %s takes %d and gives %d", n.text(pb),
			len(n.Inputs), len(pb.GetOutput()), key, len(fn.GetInput()), len(fn.GetOutput()))
	}
	s := &scope{graph: outer.graph, values: map[string]*Value{}, call: c, local: true, opsets: outer.opsets}
	if len(fn.GetOpsetImport()) > 0 {
		s.opsets = opsets(fn.GetOpsetImport())
	}
	for _, a := range fn.GetAttributeProto() {
		c.attrs[a.GetName()] = argument{a, s}
	}
	for _, a := range pb.GetAttribute() {
		if arg := outer.resolve(a); arg.pb != nil {
			c.attrs[a.GetName()] = arg
		}
	}
	if err := b.body(fn, n.Inputs, s); err != nil {
		return fmt.Errorf("%s: function %s: %w", n.text(pb), key, err)
	}
	for i, name := range pb.GetOutput() {
		own := fn.GetOutput()[i]
		v, ok := s.values[own]
		if !ok {
			return fmt.Errorf("function %s: nothing defines its output %q", key, own)
		}
		if name != "" {
			outer.alias(name, v, c.prefix(own))
		}
	}
	return nil
}

// body builds the nodes of a function for the given arguments.
func (b *builder) body(fn *onnxpb.FunctionProto, args []*Value, s *scope) error {
	s.declare(fn.GetValueInfo())
	for i, name := range fn.GetInput() {
		if s.given(name) {
			return fmt.Errorf("it has two inputs %q", name)
		}
		s.values[name] = nil
		if i < len(args) {
			s.values[name] = args[i]
		}
	}
	order, ok := b.orders[fn]
	if !ok {
		var err error
		if order, err = sortNodes(fn.GetNode(), s); err != nil {
			return err
		}
		b.orders[fn] = order
	}
	for _, n := range order {
		if err := b.node(n, s); err != nil {
			return err
		}
	}
	return nil
}

// alias gives a value that a call returns the name it has in the caller's
// scope, unless it is one of the arguments or already has one.
func (s *scope) alias(name string, v *Value, own string) {
	s.values[name] = v
	if v == nil {
		return
	}
	if v.Name == own {
		v.Name = s.call.prefix(name)
	}
	s.declared(v, s.types[name])
}
