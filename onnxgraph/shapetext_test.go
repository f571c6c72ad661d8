package onnxgraph

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// graphText is a graph written as text, one line a statement:
//
//	x: N 3 h w                       an input; ? is one of unknown rank, . a scalar
//	y = Conv(x, 8 3 3 3) pads=1,1    a node; attributes of one element end in ","
//	a, b = ms.Op:13(x, [1 2], #3, -) outputs, domain and opset, constants, an input left out
//
// An argument that is not a name is a shape, or constant integers: [1 2] a
// vector, #3 a scalar, [.5 2.] and #.5 floating-point ones. A body stands before
// the node that has it, and may read the values above it:
//
//	body {
//	x: ?
//	z = Add(x, y)
//	} z z                            its outputs; no shapes with symbols as arguments
//	a, b = Scan(x, y) body=@body
type graphText struct {
	graph   *Graph
	values  map[string]*Value
	bodies  map[string]*Graph
	numbers map[*Weight][]elem
}

func parseGraph(t *testing.T, text string) *graphText {
	t.Helper()
	var around []*Graph
	g := &graphText{&Graph{}, map[string]*Value{}, map[string]*Graph{}, map[*Weight][]elem{}}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " //")
		if name, ok := strings.CutSuffix(line, " {"); ok {
			around = append(around, g.graph)
			g.graph = &Graph{}
			g.bodies[name] = g.graph
		} else if outputs, ok := strings.CutPrefix(line, "}"); ok {
			for name := range strings.FieldsSeq(outputs) {
				g.graph.Outputs = append(g.graph.Outputs, g.argument(name))
			}
			g.graph, around = around[len(around)-1], around[:len(around)-1]
		} else if name, shape, ok := strings.Cut(line, ": "); ok {
			g.input(name, strings.TrimSpace(shape))
		} else if line != "" {
			g.node(line)
		}
	}
	return g
}

// infer returns what is known of the graph.
func (g *graphText) infer() *ShapeInfo {
	return inferShapes(g.graph, func(w *Weight) []elem { return g.numbers[w] })
}

// input declares an input; a type may stand in front of its shape, as in "int64 N".
func (g *graphText) input(name, shape string) *Value {
	v := &Value{Name: name, Type: Float32, Graph: g.graph}
	for typ, d := range map[string]DataType{"int64 ": Int64, "bool ": Bool, "uint8 ": Uint8} {
		if rest, ok := strings.CutPrefix(shape+" ", typ); ok {
			v.Type, shape = d, strings.TrimSpace(rest)
		}
	}
	v.HasShape = shape != "?"
	if v.HasShape && shape != "." {
		for f := range strings.FieldsSeq(shape) {
			v.Declared = append(v.Declared, parseSize(f))
		}
	}
	g.values[name] = v
	g.graph.Inputs = append(g.graph.Inputs, v)
	return v
}

func parseSize(f string) Dim {
	if n, err := strconv.ParseInt(f, 10, 64); err == nil {
		return Size(n)
	}
	if f == "_" {
		return Symbol("")
	}
	return Symbol(f)
}

// node adds a statement with an operator.
func (g *graphText) node(line string) {
	left, call, ok := strings.Cut(line, " = ")
	if !ok {
		left, call = "y", line
	}
	head, rest, _ := strings.Cut(call, "(")
	args, attrs, _ := strings.Cut(rest, ")")
	n := &Node{Op: head, Version: 21, Graph: g.graph, Attrs: map[string]Attr{}}
	if op, version, ok := strings.Cut(head, ":"); ok {
		n.Op = op
		n.Version, _ = strconv.ParseInt(version, 10, 64)
	}
	for short, domain := range map[string]string{"ms.": microsoft, "ml.": mlDomain} {
		if op, ok := strings.CutPrefix(n.Op, short); ok {
			n.Op, n.Domain, n.Version = op, domain, 1
		}
	}
	for arg := range strings.SplitSeq(args, ",") {
		if arg = strings.TrimSpace(arg); arg != "" {
			n.Inputs = append(n.Inputs, g.argument(arg))
		}
	}
	for f := range strings.FieldsSeq(attrs) {
		name, val, _ := strings.Cut(f, "=")
		n.Attrs[name] = g.attribute(val)
	}
	for i, name := range strings.Split(left, ", ") {
		v := &Value{Name: name, Producer: n, Output: i, Graph: g.graph}
		g.values[name] = v
		n.Outputs = append(n.Outputs, v)
	}
	g.graph.Nodes = append(g.graph.Nodes, n)
}

// argument returns the value an argument stands for.
func (g *graphText) argument(arg string) *Value {
	if v, ok := g.values[arg]; ok || arg == "-" {
		return v
	}
	if scalar, ok := strings.CutPrefix(arg, "#"); ok {
		return g.constant([]string{scalar}, []int64{})
	}
	if vector, ok := strings.CutPrefix(arg, "["); ok {
		fields := strings.Fields(strings.TrimSuffix(vector, "]"))
		return g.constant(fields, []int64{int64(len(fields))})
	}
	name := fmt.Sprintf("in%d", len(g.graph.Inputs))
	v := g.input(name, arg)
	if dims, ok := knownDims(v.Declared); ok && len(g.bodies) > 0 {
		g.graph.Inputs = g.graph.Inputs[:len(g.graph.Inputs)-1]
		v.Weight = &Weight{Name: name, Type: v.Type, Shape: dims} // bodies have no inputs to spare
	}
	return v
}

// constant returns a weight of the given numbers.
func (g *graphText) constant(fields []string, shape []int64) *Value {
	w := &Weight{Type: Int64, Shape: shape}
	elems := []elem{}
	for _, f := range fields {
		if strings.Contains(f, ".") {
			w.Type = Float32
		}
		x, _ := strconv.ParseFloat(f, 64)
		elems = append(elems, number(x))
		if n, err := strconv.ParseInt(f, 10, 64); err == nil {
			elems[len(elems)-1] = whole(Size(n))
		}
	}
	g.numbers[w] = elems
	return &Value{Weight: w, Type: w.Type, Graph: g.graph}
}

// attribute reads a number, a list, a constant in brackets, or a text.
func (g *graphText) attribute(val string) Attr {
	if strings.HasPrefix(val, "[") || strings.HasPrefix(val, "#") {
		return Attr{Kind: AttrTensor, Weight: g.argument(val).Weight}
	}
	if name, ok := strings.CutPrefix(val, "@"); ok {
		return Attr{Kind: AttrGraph, Graph: g.bodies[name]}
	}
	if strings.Contains(val, "->") || strings.Contains(val, "...") {
		return Attr{Kind: AttrString, String: val} // an einsum equation
	}
	var list Attr
	for f := range strings.SplitSeq(strings.TrimSuffix(val, ","), ",") {
		n, errInt := strconv.ParseInt(f, 10, 64)
		x, errFloat := strconv.ParseFloat(f, 32)
		switch {
		case errInt == nil:
			list.Kind, list.Int, list.Ints = AttrInts, n, append(list.Ints, n)
		case errFloat == nil:
			list.Kind, list.Float, list.Floats = AttrFloats, float32(x), append(list.Floats, float32(x))
		default:
			list.Kind, list.String, list.Strings = AttrStrings, f, append(list.Strings, f)
		}
	}
	if !strings.Contains(val, ",") {
		one := map[AttrKind]AttrKind{AttrInts: AttrInt, AttrFloats: AttrFloat, AttrStrings: AttrString}
		list.Kind = one[list.Kind]
		list.Ints, list.Floats, list.Strings = nil, nil, nil
	}
	return list
}

// shapeText returns a shape as text: sizes without a name of their own print as _.
func shapeText(s *ShapeInfo, v *Value) string {
	dims, ok := s.Shape(v)
	switch {
	case !ok:
		return "?"
	case len(dims) == 0:
		return "."
	}
	var text []string
	for _, d := range dims {
		if d.hasFresh() {
			text = append(text, "_")
		} else {
			text = append(text, d.String())
		}
	}
	return strings.Join(text, " ")
}
