package permspec_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Inference of a residual network of 5,000, 10,000 and 20,000 nodes. The time
// a node should stay the same; 5,000 nodes should take less than 2 s.
func BenchmarkInferConvolutions(b *testing.B) {
	for _, nodes := range []int{5000, 10000, 20000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) { benchmarkInfer(b, residualNetwork(nodes)) })
	}
}

// Inference of a transformer of 100, 200 and 400 layers. 100 layers should take
// less than 5 s.
func BenchmarkInferTransformer(b *testing.B) {
	for _, layers := range []int{100, 200, 400} {
		b.Run(fmt.Sprint(layers), func(b *testing.B) { benchmarkInfer(b, transformer(layers)) })
	}
}

func benchmarkInfer(b *testing.B, n *network) {
	m := n.model(b)
	nodes := len(m.Graph.Nodes)
	var s *permspec.Spec
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if s, err = permspec.Infer(m, permspec.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(nodes), "µs/node")
	b.ReportMetric(float64(nodes), "nodes")
	b.ReportMetric(float64(len(s.Groups)), "groups")
}

// network is a graph under construction.
type network struct {
	graph *onnxpb.GraphProto
	rng   *rand.Rand
	count int
}

func newNetwork(in ...int64) *network {
	return &network{
		graph: &onnxpb.GraphProto{Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{typed("x", in)}},
		rng:   rand.New(rand.NewPCG(1, 2)),
	}
}

func typed(name string, shape []int64) *onnxpb.ValueInfoProto {
	dims := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		dims.Dim = append(dims.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: dims}}}}
}

// weight adds an initializer of random numbers.
func (n *network) weight(shape ...int64) string {
	n.count++
	name, size := fmt.Sprintf("w%d", n.count), int64(1)
	for _, d := range shape {
		size *= d
	}
	raw := make([]byte, 4*size)
	for i := range size {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(n.rng.Float32()))
	}
	n.graph.Initializer = append(n.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: shape, RawData: raw})
	return name
}

func (n *network) ints(list ...int64) string {
	n.count++
	name := fmt.Sprintf("i%d", n.count)
	n.graph.Initializer = append(n.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(7), Dims: []int64{int64(len(list))}, Int64Data: list})
	return name
}

// node adds a node of one output and returns its name.
func (n *network) node(op string, attrs map[string][]int64, inputs ...string) string {
	n.count++
	out := fmt.Sprintf("v%d", n.count)
	p := &onnxpb.NodeProto{OpType: &op, Input: inputs, Output: []string{out}}
	for _, name := range []string{"axis", "group", "kernel_shape", "pads", "perm"} {
		list, ok := attrs[name]
		switch {
		case !ok:
		case name == "axis" || name == "group":
			p.Attribute = append(p.Attribute, &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &list[0]})
		default:
			p.Attribute = append(p.Attribute, &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: list})
		}
	}
	n.graph.Node = append(n.graph.Node, p)
	return out
}

// model ends the graph with the value out of the last node.
func (n *network) model(t testing.TB) *onnxgraph.Model {
	t.Helper()
	out := n.graph.Node[len(n.graph.Node)-1].Output[0]
	n.graph.Output = []*onnxpb.ValueInfoProto{{Name: &out}}
	return onnxtest.Parse(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: n.graph, OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}}})
}

// residualNetwork has blocks of every kind that convolutional networks are made
// of: bottlenecks with grouped convolutions, squeeze-excite, concatenation.
func residualNetwork(nodes int) *network {
	n := newNetwork(1, 3, 8, 8)
	conv := func(x string, i, o, k, g int64) string {
		p := k / 2
		return n.node("Conv", map[string][]int64{"kernel_shape": {k, k}, "pads": {p, p, p, p}, "group": {g}}, x, n.weight(o, i/g, k, k), n.weight(o))
	}
	norm := func(x string, c int64) string {
		return n.node("BatchNormalization", nil, x, n.weight(c), n.weight(c), n.weight(c), n.weight(c))
	}
	x := conv("x", 3, 16, 3, 1)
	for len(n.graph.Node) < nodes-5 {
		y := n.node("Relu", nil, norm(conv(x, 16, 8, 1, 1), 8))
		y = n.node("Relu", nil, norm(conv(y, 8, 8, 3, 4), 8))
		y = n.node("Concat", map[string][]int64{"axis": {1}}, y, conv(y, 8, 4, 1, 1))
		s := n.node("Relu", nil, conv(n.node("GlobalAveragePool", nil, y), 12, 4, 1, 1))
		y = n.node("Mul", nil, y, n.node("Sigmoid", nil, conv(s, 4, 12, 1, 1)))
		x = n.node("Relu", nil, n.node("Add", nil, x, norm(conv(y, 12, 16, 1, 1), 16)))
	}
	x = n.node("Flatten", nil, n.node("GlobalAveragePool", nil, x))
	n.node("Gemm", nil, x, n.weight(16, 10), n.weight(10))
	return n
}

// transformer has layers as PyTorch's exporter writes them.
func transformer(layers int) *network {
	const d, h, e, f = 16, 4, 4, 32
	n := newNetwork(1, 6, 8)
	linear := func(x string, i, o int64) string {
		return n.node("Add", nil, n.node("MatMul", nil, x, n.weight(i, o)), n.weight(o))
	}
	norm := func(x string) string {
		return n.node("LayerNormalization", map[string][]int64{"axis": {-1}}, x, n.weight(d), n.weight(d))
	}
	x := linear("x", 8, d)
	for range layers {
		y := norm(x)
		heads := func(perm ...int64) string {
			return n.node("Transpose", map[string][]int64{"perm": perm}, n.node("Reshape", nil, linear(y, d, h*e), n.ints(0, 0, h, e)))
		}
		q, k, v := heads(0, 2, 1, 3), heads(0, 2, 3, 1), heads(0, 2, 1, 3)
		a := n.node("Softmax", map[string][]int64{"axis": {-1}}, n.node("Mul", nil, n.node("MatMul", nil, q, k), n.weight()))
		y = n.node("Transpose", map[string][]int64{"perm": {0, 2, 1, 3}}, n.node("MatMul", nil, a, v))
		x = n.node("Add", nil, x, linear(n.node("Reshape", nil, y, n.ints(0, 0, h*e)), h*e, d))
		y = linear(norm(x), d, f)
		y = n.node("Mul", nil, y, n.node("Sigmoid", nil, y))
		x = n.node("Add", nil, x, linear(y, f, d))
	}
	linear(norm(x), d, 10)
	return n
}
