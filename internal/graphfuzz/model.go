package graphfuzz

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Model is a random model and what it is made of.
type Model struct {
	Seed  uint64
	Proto *onnxpb.ModelProto
	Parts []string // the kinds of its parts; a kind may occur often

	watched map[string][]string // operators of the table, and the values they give
	sizes   map[string][]int    // shapes of the inputs
}

// Model grows the model of a seed.
func (t *Table) Model(seed uint64) *Model {
	c := &common{
		rng: rand.New(rand.NewPCG(seed, 0x6d6f64656c)), table: t, opset: 13,
		kept: map[string][]string{}, watched: map[string][]string{}, sizes: map[string][]int{},
	}
	c.opset = one(c, int64(13), 13, 17, 18, 21)
	b := newBuilder(c)
	b.main = true
	b.inputs()
	for range 1 + c.rng.IntN(6) {
		b.grow()
	}
	b.outputs()
	m := &onnxpb.ModelProto{IrVersion: proto.Int64(10), OpsetImport: imports(c.opset), Graph: b.graph, Functions: c.functions}
	return &Model{Seed: seed, Proto: m, Parts: c.parts, watched: c.watched, sizes: c.sizes}
}

// grow adds one part: as often as not an operator of the table.
func (b *builder) grow() {
	if b.chance(2) {
		b.operator()
		return
	}
	p := parts[b.rng.IntN(len(parts))]
	b.part(p.name)
	p.add(b)
}

// inputs declares one to three inputs; the first axis is sometimes open.
func (b *builder) inputs() {
	for range 1 + b.rng.IntN(3) {
		shape := []int{}
		for range 1 + b.rng.IntN(4) {
			shape = append(shape, b.size())
		}
		if len(shape) == 4 {
			shape[0], shape[1] = 2, 3
		}
		v := info(b.name("input"), onnxgraph.Float32, shape)
		b.graph.Input = append(b.graph.Input, v)
		if len(shape) > 1 && b.chance(4) {
			b.part("open batch")
			v.Type.GetTensorType().Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}
		}
		b.sizes[v.GetName()] = shape
		b.give(v.GetName(), shape...)
	}
}

// mostOutputs bounds the outputs of a model; what more there is is added up.
const mostOutputs = 4

// outputs reads what nothing has read, by maps that leave it free to move.
func (b *builder) outputs() {
	sum, count := "", 0
	for _, v := range b.unread() {
		if b.chance(12) {
			b.part("hidden value as output")
			b.output(v.name, v.shape)
			continue
		}
		name := b.as(v, 1, 5)
		if count++; count < mostOutputs {
			b.output(name, []int{1, 5})
		} else if sum == "" {
			sum = name
		} else {
			sum = b.node("Add", in(sum, name))
		}
	}
	if sum != "" {
		b.output(sum, []int{1, 5})
	}
}

// output declares an output, a name of its own: what is computed may be an input
// or a weight.
func (b *builder) output(name string, shape []int) {
	y := b.node("Identity", in(name))
	b.graph.Output = append(b.graph.Output, info(y, onnxgraph.Float32, shape))
}
