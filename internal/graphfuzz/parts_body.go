package graphfuzz

import (
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// body grows a graph that sees what the one around it has; it gives a value of
// the shape of x, made of x and others.
func (b *builder) body(x value) (*builder, string) {
	inner := newBuilder(b.common)
	inner.pool = append(inner.pool, b.pool[:min(2, len(b.pool))]...)
	inner.pool = append(inner.pool, x)
	inner.part("body")
	inner.dense()
	if b.chance(2) {
		inner.residual()
	}
	last := inner.pool[len(inner.pool)-1]
	return inner, inner.active(inner.as(last, x.shape...))
}

// condition is true or false by the sum of a value.
func (b *builder) condition(x string) string {
	n := b.node("ReduceSum", in(x), intAttr("keepdims", 0))
	return b.node("Greater", in(n, b.number(0)))
}

func (b *builder) branches() {
	x := b.take()
	var attrs []*onnxpb.AttributeProto
	for _, name := range []string{"then_branch", "else_branch"} {
		inner, y := b.body(x)
		y = inner.node("Identity", in(y))
		inner.graph.Output = append(inner.graph.Output, info(y, onnxgraph.Float32, x.shape))
		attrs = append(attrs, bodyAttr(name, inner.graph))
	}
	b.give(b.node("If", in(b.condition(b.take().name)), attrs...), x.shape...)
}

// loop carries a value through a body two or three times, and stacks what it is
// at every turn.
func (b *builder) loop() {
	start := b.take()
	trips := 2 + b.rng.IntN(2)
	state := value{b.name("state"), start.shape}
	inner, y := b.body(state)
	y = inner.node("Add", in(y, state.name))
	turn, going := b.name("turn"), b.name("going")
	inner.graph.Input = []*onnxpb.ValueInfoProto{info(turn, onnxgraph.Int64, nil), info(going, onnxgraph.Bool, nil), info(state.name, onnxgraph.Float32, start.shape)}
	inner.graph.Output = []*onnxpb.ValueInfoProto{
		info(inner.node("Identity", in(going)), onnxgraph.Bool, nil), info(y, onnxgraph.Float32, start.shape),
		info(inner.node("Identity", in(y)), onnxgraph.Float32, start.shape),
	}
	out := b.nodes("", "Loop", 2, in(b.indexOf(trips), "", start.name), bodyAttr("body", inner.graph))
	b.give(out[0], start.shape...)
	b.give(out[1], append([]int{trips}, start.shape...)...)
}

// scan goes along the first axis of a value, with a state.
func (b *builder) scan() {
	t, n, d, h := 2+b.rng.IntN(3), b.size(), b.size(), b.size()
	xs, start := b.takeAs(t, n, d), b.takeAs(n, h)
	inner := newBuilder(b.common)
	x, state := b.name("x"), b.name("state")
	next := inner.node("Tanh", in(inner.node("Add", in(inner.linear(x, d, h), inner.linear(state, h, h)))))
	inner.graph.Input = []*onnxpb.ValueInfoProto{info(state, onnxgraph.Float32, []int{n, h}), info(x, onnxgraph.Float32, []int{n, d})}
	inner.graph.Output = []*onnxpb.ValueInfoProto{
		info(next, onnxgraph.Float32, []int{n, h}), info(inner.node("Identity", in(next)), onnxgraph.Float32, []int{n, h}),
	}
	attrs := []*onnxpb.AttributeProto{bodyAttr("body", inner.graph), intAttr("num_scan_inputs", 1)}
	if b.chance(3) {
		attrs = append(attrs, intsAttr("scan_input_directions", 1))
	}
	out := b.nodes("", "Scan", 2, in(start, xs), attrs...)
	b.give(out[0], n, h)
	b.give(out[1], t, n, h)
}

// function is a local function of two layers, called once or twice; its weights
// are arguments or constants of its own.
func (b *builder) function() {
	rows, n, h := b.size(), b.size(), b.size()
	inner := newBuilder(b.common)
	inner.closed = true
	f := &onnxpb.FunctionProto{Name: proto.String(b.name("F")), Domain: proto.String(functionDomain), OpsetImport: imports(b.opset), Input: in("x", "w")}
	y := inner.active(inner.node("MatMul", in("x", "w")))
	y = inner.linear(y, h, n)
	f.Output, f.Node = in(y), inner.graph.Node
	b.functions = append(b.functions, f)
	x := b.takeAs(rows, n)
	for range 1 + b.rng.IntN(2) {
		x = b.nodes(functionDomain, f.GetName(), 1, in(x, b.weight(0.5, n, h)))[0]
	}
	b.give(x, rows, n)
}
