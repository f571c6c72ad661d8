package graphfuzz

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/opcase"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Table is the operators that models are made of.
type Table struct {
	ops   []string // that run here
	cases map[string][]sample

	// Left says of the operators that no model gets, why.
	Left map[string]string
}

// sample is a case of an operator and what it gave on its own.
type sample struct {
	opcase.Case
	outputs []*onnxgraph.Tensor // their shapes and types; nil for one left out
	wild    bool                // some of what it gave was no number, or very large
}

// byNumbers lists the operators whose outputs' shapes depend on the numbers
// that they get: no part can be built on them.
var byNumbers = map[string]bool{"NonZero": true, "NonMaxSuppression": true}

// ReadTable reads the cases of the operator table and runs each alone, to know
// what it gives. Cases that the executor does not run are left out.
func ReadTable(path string) (*Table, error) {
	cases, err := opcase.Read(path)
	if err != nil {
		return nil, err
	}
	t := &Table{cases: map[string][]sample{}, Left: map[string]string{}}
	for _, c := range cases {
		if byNumbers[c.Op] {
			t.Left[c.Op] = "the shapes of its outputs depend on the numbers it gets"
			continue
		}
		s, err := trySample(c)
		if err != nil {
			t.Left[c.Op] = err.Error()
			continue
		}
		t.cases[c.Op] = append(t.cases[c.Op], s)
	}
	for op := range t.cases {
		delete(t.Left, op)
	}
	t.ops = slices.Sorted(maps.Keys(t.cases))
	return t, nil
}

// Operators counts the operators that models are made of.
func (t *Table) Operators() int { return len(t.ops) }

func trySample(c opcase.Case) (sample, error) {
	s := sample{Case: c}
	m, _, err := c.Model()
	if err != nil {
		return s, err
	}
	run, err := exec.New(m, exec.Options{Threads: 1})
	if err != nil {
		return s, err
	}
	defer run.Close()
	out, err := run.Run(context.Background(), nil, nil)
	if err != nil {
		return s, err
	}
	for i := range c.Outputs {
		y := out[fmt.Sprintf("y%d", i)]
		s.outputs = append(s.outputs, y)
		if y == nil {
			continue
		}
		for _, x := range numbers(y) {
			s.wild = s.wild || !(math.Abs(x) < 50)
		}
	}
	return s, nil
}

var floatInput = regexp.MustCompile(`^(\+?)(s|\d+(?:x\d+)*)$`)

// operator adds a node of the table. Some of its inputs are values of the model,
// some weights; the constants that steer it stay what they are in its case.
func (b *builder) operator() {
	op := b.table.ops[b.rng.IntN(len(b.table.ops))]
	s := b.table.cases[op][b.rng.IntN(len(b.table.cases[op]))]
	var inputs []string
	for i, text := range s.Inputs {
		if text == "-" {
			inputs = append(inputs, "")
			continue
		}
		t, _, err := s.Tensor(i, text)
		if err != nil {
			panic(err) // the case ran
		}
		p := floatInput.FindStringSubmatch(text)
		switch {
		case p == nil:
			inputs = append(inputs, b.constant(t))
		case b.chance(4):
			inputs = append(inputs, b.initializer(t))
		case p[1] == "+":
			inputs = append(inputs, b.positive(ofShape(t)))
		default:
			inputs = append(inputs, b.takeAs(ofShape(t)...))
		}
	}
	names := b.call(s, inputs)
	b.watched[op] = append(b.watched[op], names...)
	for i, y := range s.outputs {
		if y != nil {
			b.give(b.tame(names[i], y, s.wild), y.Shape...)
		}
	}
}

func ofShape(t *onnxpb.TensorProto) []int {
	shape := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		shape[i] = int(d)
	}
	return shape
}

// positive is a value from 0.5 to 1.5.
func (b *builder) positive(shape []int) string {
	return b.node("Add", in(b.node("Sigmoid", in(b.takeAs(shape...))), b.number(0.5)))
}

// call adds the node of a case: to the graph when the opset fits, or in a
// function that imports its own.
func (b *builder) call(s sample, inputs []string) []string {
	op, domain := s.Op, ""
	if name, ok := strings.CutPrefix(op, "ms."); ok {
		op, domain = name, "com.microsoft"
	}
	n := &onnxpb.NodeProto{OpType: &op, Domain: &domain, Name: proto.String(b.name(op)), Input: inputs}
	for _, a := range s.Attrs {
		n.Attribute = append(n.Attribute, opcase.Attribute(a))
	}
	for i := range s.Outputs {
		name := b.name("v")
		if s.Outputs[i] == "0" {
			name = ""
		}
		n.Output = append(n.Output, name)
		if s.Outputs[i] != "0" && s.Outputs[i] != "1" {
			b.graph.ValueInfo = append(b.graph.ValueInfo, info(name, s.outputs[i].Type, s.outputs[i].Shape))
		}
	}
	outputs := n.Output
	if s.Version != b.opset || b.chance(6) {
		n = b.wrap(n, s.Version)
	}
	b.graph.Node = append(b.graph.Node, n)
	return outputs
}

// wrap makes a function of a node and returns the call of it.
func (b *builder) wrap(n *onnxpb.NodeProto, opset int64) *onnxpb.NodeProto {
	b.part("operator in a function")
	f := &onnxpb.FunctionProto{Name: proto.String(b.name("F")), Domain: proto.String(functionDomain), OpsetImport: imports(opset)}
	inner := proto.Clone(n).(*onnxpb.NodeProto)
	call := &onnxpb.NodeProto{OpType: f.Name, Domain: f.Domain, Name: proto.String(b.name("call")), Input: n.Input, Output: n.Output}
	for i, name := range n.Input {
		p := fmt.Sprintf("x%d", i)
		f.Input = append(f.Input, p)
		if inner.Input[i] = p; name == "" {
			inner.Input[i] = ""
		}
	}
	for i, name := range n.Output {
		p := fmt.Sprintf("y%d", i)
		f.Output = append(f.Output, p)
		if inner.Output[i] = p; name == "" {
			f.Output[i], inner.Output[i] = p, p
		}
	}
	f.Node = []*onnxpb.NodeProto{inner}
	b.functions = append(b.functions, f)
	return call
}

// functionDomain is the domain of the models' own functions.
const functionDomain = "local"

func imports(opset int64) []*onnxpb.OperatorSetIdProto {
	return []*onnxpb.OperatorSetIdProto{
		{Domain: proto.String(""), Version: &opset}, {Domain: proto.String("com.microsoft"), Version: proto.Int64(1)},
		{Domain: proto.String(functionDomain), Version: proto.Int64(1)},
	}
}

// tame turns what an operator gave into finite float32 numbers.
func (b *builder) tame(name string, y *onnxgraph.Tensor, wild bool) string {
	if y.Type != onnxgraph.Float32 {
		name = b.node("Cast", in(name), intAttr("to", int(onnxgraph.Float32)))
		return b.node("Mul", in(name, b.number(0.1)))
	}
	if wild {
		name = b.node("Where", in(b.node("IsNaN", in(name)), b.number(0.5), name))
		return b.node("Tanh", in(b.node("Mul", in(name, b.number(0.1)))))
	}
	return name
}

// numbers are the elements of a tensor.
func numbers(t *onnxgraph.Tensor) []float64 {
	switch x := t.Data.(type) {
	case []float32:
		return floats(x)
	case []float64:
		return x
	case []int64:
		return floats(x)
	case []int32:
		return floats(x)
	case []int8:
		return floats(x)
	case []uint8:
		return floats(x)
	}
	return nil
}

func floats[T float32 | int64 | int32 | int8 | uint8](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
