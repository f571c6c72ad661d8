package onnxgraph_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// checkGraph holds a graph to what its documentation promises: every node
// stands after those it reads from, values know their producer and each of
// their uses, and bodies see no more than the scopes around them.
func checkGraph(g *onnxgraph.Graph, seen map[*onnxgraph.Value]bool, uses map[onnxgraph.Use]*onnxgraph.Value) error {
	seen = clone(seen)
	define := func(v *onnxgraph.Value) error {
		if seen[v] {
			return fmt.Errorf("%q is defined twice", v.Name)
		}
		if v.Graph != g {
			return fmt.Errorf("%q is of another graph", v.Name)
		}
		seen[v] = true
		return nil
	}
	for _, v := range g.Inputs {
		if v.Producer != nil || v.Weight != nil {
			return fmt.Errorf("input %q has a producer or a weight", v.Name)
		}
		if err := define(v); err != nil {
			return err
		}
	}
	for i, n := range g.Nodes {
		if n.Graph != g || n.Index() != i || n.Version < 1 {
			return fmt.Errorf("%v: graph, index %d or version %d is wrong", n, n.Index(), n.Version)
		}
		for k, v := range n.Inputs {
			if v == nil {
				continue
			}
			if v.Producer == nil && v.Weight != nil {
				seen[v] = true // an initializer
			}
			if !seen[v] {
				return fmt.Errorf("%v reads %q before it is there", n, v.Name)
			}
			uses[onnxgraph.Use{Node: n, Input: k}] = v
		}
		for _, a := range n.Attrs {
			for _, body := range append(slices.Clone(a.Graphs), a.Graph) {
				if body == nil {
					continue
				}
				if body.Outer != n {
					return fmt.Errorf("%v: its body does not know it", n)
				}
				if err := checkGraph(body, seen, uses); err != nil {
					return fmt.Errorf("%v: %w", n, err)
				}
			}
		}
		for k, v := range n.Outputs {
			if v == nil {
				continue
			}
			if v.Producer != n || v.Output != k {
				return fmt.Errorf("%v: output %d has another producer", n, k)
			}
			if err := define(v); err != nil {
				return err
			}
		}
	}
	for _, v := range g.Outputs {
		if !seen[v] && (v.Weight == nil || v.Producer != nil) {
			return fmt.Errorf("output %q is not defined", v.Name)
		}
	}
	return nil
}

// checkModel checks the graph, and that Uses lists each use once.
func checkModel(m *onnxgraph.Model) error {
	uses := map[onnxgraph.Use]*onnxgraph.Value{}
	if err := checkGraph(m.Graph, nil, uses); err != nil {
		return err
	}
	values := map[*onnxgraph.Value]bool{}
	for _, v := range uses {
		values[v] = true
	}
	listed := 0
	for v := range values {
		for _, u := range v.Uses {
			if uses[u] != v {
				return fmt.Errorf("%q lists a use that is none", v.Name)
			}
		}
		listed += len(v.Uses)
	}
	if listed != len(uses) {
		return fmt.Errorf("%d uses are listed, there are %d", listed, len(uses))
	}
	names := map[string]bool{}
	for _, w := range m.Weights() {
		if names[w.Name] {
			return fmt.Errorf("two weights %q", w.Name)
		}
		names[w.Name] = true
	}
	return nil
}

func clone[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// The graph of every model at hand is what it promises to be.
func TestCorpusGraphs(t *testing.T) {
	dir, names := corpus(t)
	for _, name := range names {
		m, err := onnxgraph.Load(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if err := checkModel(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m.Close()
	}
}

// ops returns the operators of a graph's nodes, with their inputs and outputs.
func ops(g *onnxgraph.Graph) string {
	var out []string
	name := func(v *onnxgraph.Value) string {
		if v == nil {
			return "-"
		}
		return v.Name
	}
	for _, n := range g.Nodes {
		s := n.Op + "("
		for _, v := range n.Inputs {
			s += name(v) + ","
		}
		s += ")"
		for _, v := range n.Outputs {
			s += name(v) + ","
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// Nodes out of order are put in order, as few as need it.
func TestOrder(t *testing.T) {
	g := &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x")},
		Output: []*onnxpb.ValueInfoProto{value("d")},
		Node: []*onnxpb.NodeProto{
			op("A", in("x"), "a"), op("D", in("c", "b"), "d"), op("B", in("a"), "b"), op("C", in("b"), "c"), op("E", in("x"), "e"),
		},
	}
	m := parse(t, model(g))
	if got, want := ops(m.Graph), "A(x,)a, B(a,)b, C(b,)c, D(c,b,)d, E(x,)e,"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := checkModel(m); err != nil {
		t.Error(err)
	}
}

// A graph that is none is told in one sentence that names the culprit.
func TestBadGraphs(t *testing.T) {
	for _, c := range []struct {
		want  string
		nodes []*onnxpb.NodeProto
	}{
		{`node of "b" (B) reads "nothing", which nothing defines`, []*onnxpb.NodeProto{op("A", in("x"), "y"), op("B", in("nothing"), "b")}},
		{`"y" is defined twice, the second time by node of "y" (B)`, []*onnxpb.NodeProto{op("A", in("x"), "y"), op("B", in("x"), "y")}},
		{`"x" is defined twice`, []*onnxpb.NodeProto{op("A", in("x"), "y"), op("B", nil, "x")}},
		{`"w" is defined twice`, []*onnxpb.NodeProto{op("A", in("x"), "y"), op("B", nil, "w")}},
		{`a cycle goes through node of "a"`, []*onnxpb.NodeProto{op("A", in("b"), "a"), op("B", in("a", "x"), "b"), op("C", in("b"), "y")}},
		{`nothing defines its output "y"`, []*onnxpb.NodeProto{op("A", in("x"), "a")}},
	} {
		g := &onnxpb.GraphProto{
			Node: c.nodes, Initializer: []*onnxpb.TensorProto{floats("w", 1)},
			Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value("y")},
		}
		_, err := onnxgraph.Parse(marshal(t, model(g)), "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
	if _, err := onnxgraph.Parse(nil, ""); err == nil {
		t.Error("an empty file is a model")
	}
}

func attr(name string, kind onnxpb.AttributeProto_AttributeType) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: &kind}
}

func ref(name, to string, kind onnxpb.AttributeProto_AttributeType) *onnxpb.AttributeProto {
	a := attr(name, kind)
	a.RefAttrName = &to
	return a
}

func intAttr(name string, i int64) *onnxpb.AttributeProto {
	a := attr(name, onnxpb.AttributeProto_INT)
	a.I = &i
	return a
}

func withAttrs(n *onnxpb.NodeProto, as ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	n.Attribute = as
	return n
}

// Calls of local functions are expanded, with attributes passed on or left to
// their default; weights inside are shared by all calls.
func TestFunctions(t *testing.T) {
	constant := attr("value", onnxpb.AttributeProto_TENSOR)
	constant.T = floats("", 1, 2)
	inner := &onnxpb.FunctionProto{
		Name: proto.String("Inner"), Domain: proto.String("my"),
		Input: in("a", "b"), Output: in("r", "a"),
		Attribute: in("axis", "left_out"), AttributeProto: []*onnxpb.AttributeProto{intAttr("scale", 3)},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(11)}},
		Node: []*onnxpb.NodeProto{
			withAttrs(op("Constant", nil, "k"), constant),
			withAttrs(op("Concat", in("a", "b", "k"), "r"), ref("axis", "axis", onnxpb.AttributeProto_INT),
				ref("scale", "scale", onnxpb.AttributeProto_INT), ref("gone", "left_out", onnxpb.AttributeProto_INT)),
		},
	}
	outer := &onnxpb.FunctionProto{
		Name: proto.String("Outer"), Domain: proto.String("my"),
		Input: in("p"), Output: in("q"), Attribute: in("ax"),
		Node: []*onnxpb.NodeProto{withAttrs(op("Inner", in("p"), "q"), ref("axis", "ax", onnxpb.AttributeProto_INT))},
	}
	outer.Node[0].Domain = proto.String("my")
	call := func(out, name string, axis int64) *onnxpb.NodeProto {
		n := withAttrs(op("Outer", in("x"), out), intAttr("ax", axis))
		n.Domain, n.Name = proto.String("my"), &name
		return n
	}
	both := op("Inner", in("u", "v"), "y", "same")
	both.Domain = proto.String("my")
	pb := model(&onnxpb.GraphProto{
		Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value("y"), value("same")},
		Node: []*onnxpb.NodeProto{call("u", "first", 1), call("v", "", 2), both},
	})
	pb.Functions = []*onnxpb.FunctionProto{inner, outer}
	m := parse(t, pb)
	want := "Constant()first/Inner/k, Concat(x,-,first/Inner/k,)u, Constant()Outer/Inner/k, Concat(x,-,Outer/Inner/k,)v, " +
		"Constant()Inner/k, Concat(u,v,Inner/k,)y,"
	if got := ops(m.Graph); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	if err := checkModel(m); err != nil {
		t.Error(err)
	}
	n := m.Graph.Nodes
	if n[1].Attrs["axis"].Int != 1 || n[3].Attrs["axis"].Int != 2 || n[1].Attrs["scale"].Int != 3 || n[1].Version != 11 {
		t.Errorf("attributes %v, version %d", n[1].Attrs, n[1].Version)
	}
	if _, ok := n[1].Attrs["gone"]; ok {
		t.Error("an attribute left out is there")
	}
	if len(m.Weights()) != 1 || n[0].Outputs[0].Weight != n[2].Outputs[0].Weight {
		t.Error("the weight of a function is not shared")
	}
	if m.Graph.Outputs[1] != n[1].Outputs[0] {
		t.Error("an input that a function returns is another value")
	}
	inner.Node[0] = op("Outer", in("a"), "k")
	inner.Node[0].Domain = proto.String("my")
	if _, err := onnxgraph.Parse(marshal(t, pb), ""); err == nil {
		t.Error("a function that calls itself was expanded")
	}
}

// Constant nodes define weights, whatever attribute holds them.
func TestConstants(t *testing.T) {
	f, fs := attr("value_float", onnxpb.AttributeProto_FLOAT), attr("value_floats", onnxpb.AttributeProto_FLOATS)
	f.F, fs.Floats = proto.Float32(1.5), []float32{1, 2}
	is, s := attr("value_ints", onnxpb.AttributeProto_INTS), attr("value_string", onnxpb.AttributeProto_STRING)
	is.Ints, s.S = []int64{-3, 4}, []byte("s")
	v := attr("value", onnxpb.AttributeProto_TENSOR)
	v.T = floats("ignored", 7)
	g := &onnxpb.GraphProto{Output: []*onnxpb.ValueInfoProto{value("v")}}
	for name, a := range map[string]*onnxpb.AttributeProto{"f": f, "fs": fs, "i": intAttr("value_int", 9), "is": is, "s": s, "v": v} {
		g.Node = append(g.Node, withAttrs(op("Constant", nil, name), a))
	}
	m := parse(t, model(g))
	if len(m.Weights()) != 1 || m.Weights()[0].Name != "v" {
		t.Errorf("weights %v", m.Weights())
	}
	want := map[string]any{"f": []float32{1.5}, "fs": []float32{1, 2}, "i": []int64{9}, "is": []int64{-3, 4}, "s": []string{"s"}, "v": []float32{7}}
	for _, n := range m.Graph.Nodes {
		w := n.Outputs[0].Weight
		got, err := m.Tensor(w)
		if err != nil || fmt.Sprint(got.Data) != fmt.Sprint(want[w.Name]) || w.Replaceable() != (w.Name == "v") {
			t.Errorf("%v: %v, %v, want %v", w, got, err, want[w.Name])
		}
	}
}

// Sparse initializers read as dense ones, with flat or full indices.
func TestSparse(t *testing.T) {
	sparse := func(name string, dims []int64, values []float32, at []int64, atDims ...int64) *onnxpb.SparseTensorProto {
		i := tensor("", onnxgraph.Int64, atDims...)
		i.Int64Data = at
		return &onnxpb.SparseTensorProto{Values: floats(name, values...), Indices: i, Dims: dims}
	}
	g := chain(floats("w", 1)).Graph
	g.SparseInitializer = []*onnxpb.SparseTensorProto{
		sparse("flat", []int64{2, 3}, []float32{1, 2}, []int64{1, 5}, 2),
		sparse("full", []int64{2, 3}, []float32{1, 2}, []int64{0, 1, 1, 2}, 2, 2),
		sparse("outside", []int64{2, 3}, []float32{1}, []int64{6}, 1),
		sparse("negative", []int64{2, 3}, []float32{1}, []int64{-1, 0}, 1, 2),
		sparse("mismatch", []int64{2, 3}, []float32{1}, []int64{0, 0}, 2),
		sparse("huge", []int64{1 << 20, 1 << 20}, []float32{1}, []int64{0}, 1),
	}
	for _, s := range g.SparseInitializer {
		g.Node = append(g.Node, op("Relu", in(s.Values.GetName()), s.Values.GetName()+"'"))
	}
	m := parse(t, model(g))
	for _, n := range m.Graph.Nodes[2:] {
		w := n.Inputs[0].Weight
		got, err := m.Float32s(w)
		switch w.Name {
		case "flat", "full":
			if want := []float32{0, 1, 0, 0, 0, 2}; !slices.Equal(got, want) {
				t.Errorf("%s is %v, %v, want %v", w.Name, got, err, want)
			}
		default:
			if err == nil || !strings.Contains(err.Error(), w.Name) {
				t.Errorf("%s: error %v", w.Name, err)
			}
		}
	}
}

// A body sees the values around it, and its own first.
func TestBodies(t *testing.T) {
	body := func(name string) *onnxpb.AttributeProto {
		a := attr(name, onnxpb.AttributeProto_GRAPH)
		a.G = &onnxpb.GraphProto{
			Node: []*onnxpb.NodeProto{op("Add", in("late", "w"), "own"), op("Add", in("own", "k"), "r")}, Output: []*onnxpb.ValueInfoProto{value("r")},
			Initializer: []*onnxpb.TensorProto{floats("k", 1)},
		}
		return a
	}
	m := parse(t, model(&onnxpb.GraphProto{
		Input: []*onnxpb.ValueInfoProto{value("x"), value("w")}, Output: []*onnxpb.ValueInfoProto{value("y")},
		Node: []*onnxpb.NodeProto{
			withAttrs(op("If", in("x"), "y"), body("then_branch"), body("else_branch")),
			op("Relu", in("x"), "late"), // read by the bodies only, so it goes first
		},
		Initializer: []*onnxpb.TensorProto{floats("w", 1)},
	}))
	if err := checkModel(m); err != nil {
		t.Error(err)
	}
	if got, want := ops(m.Graph), "Relu(x,)late, If(x,)y,"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(m.Graph.Inputs) != 1 {
		t.Error("an initializer counts as input")
	}
	if w := m.Weights(); len(w) != 3 || w[1].Name != "k#2" && w[2].Name != "k#2" {
		t.Errorf("weights %v", w)
	}
}
