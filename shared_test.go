package rebasin_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// written makes a model of nodes as "MatMul x w -> h", of one input x of shape
// 2×3, with outputs of any rank.
func written(t *testing.T, weights []*onnxpb.TensorProto, outputs []string, nodes ...*onnxpb.NodeProto) *onnxgraph.Model {
	t.Helper()
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxgraph.Float32))}
		for _, d := range dims {
			if tensor.Shape == nil {
				tensor.Shape = &onnxpb.TensorShapeProto{}
			}
			tensor.Shape.Dim = append(tensor.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}}
	}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Initializer: weights, Node: nodes, Input: []*onnxpb.ValueInfoProto{value("x", 2, 3)}}
	for _, name := range outputs {
		g.Output = append(g.Output, value(name))
	}
	return onnxtest.Parse(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}})
}

func writtenNode(text string, ints map[string]int64) *onnxpb.NodeProto {
	words, outputs, _ := strings.Cut(text, "->")
	in := strings.Fields(words)
	n := &onnxpb.NodeProto{OpType: &in[0], Input: in[1:], Output: strings.Fields(outputs)}
	for name, v := range ints {
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v})
	}
	return n
}

func floats(name string, shape []int64, x ...float32) *onnxpb.TensorProto {
	p := &onnxpb.TensorProto{Name: &name, Dims: shape, DataType: proto.Int32(int32(onnxgraph.Float32))}
	for _, v := range x {
		p.RawData = binary.LittleEndian.AppendUint32(p.RawData, math.Float32bits(v))
	}
	return p
}

func random(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// Where a network says in a weight how many hidden units go one way and how many
// the other, two of them that say otherwise share only what holds for both.
func TestAlignThoseThatSteerOtherwise(t *testing.T) {
	network := func(seed uint64, cut float32) *onnxgraph.Model {
		rng := rand.New(rand.NewPCG(seed, 1))
		ints := func(name string, v int64) *onnxpb.TensorProto {
			return &onnxpb.TensorProto{Name: &name, Dims: []int64{1}, DataType: proto.Int32(int32(onnxgraph.Int64)), Int64Data: []int64{v}}
		}
		return written(t, []*onnxpb.TensorProto{
			floats("w", []int64{3, 8}, random(rng, 24)...), floats("v", []int64{8, 2}, random(rng, 16)...), floats("cut", []int64{1}, cut), ints("zero", 0), ints("one", 1),
		}, []string{"y", "s"},
			writtenNode("MatMul x w -> h", nil), writtenNode("Relu h -> r", nil), writtenNode("MatMul r v -> y", nil),
			writtenNode("Cast cut -> end", map[string]int64{"to": int64(onnxgraph.Int64)}),
			writtenNode("Slice r zero end one -> part", nil), writtenNode("ReduceSum part one -> s", map[string]int64{"keepdims": 0}))
	}
	for _, cut := range []float32{5, 3} {
		al, err := rebasin.Align(context.Background(), network(1, 5), network(2, cut), rebasin.Options{})
		if err != nil {
			t.Fatalf("units are cut at 5 and %v: %v", cut, err)
		}
		if moves := len(al.Spec.Groups) > 0; moves != (cut == 5) {
			t.Errorf("units are cut at 5 and %v: %d groups", cut, len(al.Spec.Groups))
		}
	}
}

// quantise is the columns of a matrix on their own scales, each times a factor,
// as 8-bit integers.
func quantise(rows, cols int, x []float32, factor float32) (q []byte, scales []float32) {
	q, scales = make([]byte, len(x)), make([]float32, cols)
	for c := range cols {
		for r := range rows {
			scales[c] = max(scales[c], factor*float32(math.Abs(float64(x[r*cols+c])))/127)
		}
		for r := range rows {
			q[r*cols+c] = byte(int8(math.RoundToEven(float64(x[r*cols+c] / scales[c]))))
		}
	}
	return q, scales
}

// Units whose weights are 8-bit are matched by the numbers these stand for, on
// whatever scale; such weights are averaged only where they are the same.
func TestAlignQuantised(t *testing.T) {
	const units = 24
	rng := rand.New(rand.NewPCG(3, 4))
	first, last := random(rng, 3*units), random(rng, units*2)
	network := func(order []int, factor float32) *onnxgraph.Model {
		w, v := make([]float32, len(first)), make([]float32, len(last))
		for at, unit := range order {
			for r := range 3 {
				w[r*units+at] = first[r*units+unit]
			}
			copy(v[at*2:], last[unit*2:unit*2+2])
		}
		eight := func(name string, rows, cols int, x []float32) []*onnxpb.TensorProto {
			q, scales := quantise(rows, cols, x, factor)
			return []*onnxpb.TensorProto{{Name: &name, Dims: []int64{int64(rows), int64(cols)}, DataType: proto.Int32(int32(onnxgraph.Int8)), RawData: q},
				floats(name+"_scale", []int64{int64(cols)}, scales...)}
		}
		return written(t, append(eight("w", 3, units, w), eight("v", units, 2, v)...), []string{"y"},
			writtenNode("DequantizeLinear w w_scale -> wf", nil), writtenNode("MatMul x wf -> h", nil), writtenNode("Relu h -> r", nil),
			writtenNode("DequantizeLinear v v_scale -> vf", nil), writtenNode("MatMul r vf -> y", nil))
	}
	identity, planted := make([]int, units), rng.Perm(units)
	for i := range identity {
		identity[i] = i
	}
	a, b := network(identity, 1), network(planted, 1.4)
	al, err := rebasin.Align(context.Background(), a, b, rebasin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for at, from := range al.Match.Perms[0] {
		if planted[from] != at {
			t.Fatalf("unit %d of B is unit %d of A, and was matched with %d", from, planted[from], at)
		}
	}
	_, err = rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: .5})
	if want := `weight "w" is int8: quantised weights cannot be averaged; merge the models before they are quantised`; err == nil || err.Error() != want {
		t.Errorf("merge: %v, want %s", err, want)
	}
	merged, err := rebasin.Merge(context.Background(), a, network(planted, 1), rebasin.Options{Lambda: .5})
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, "merged with itself permuted", a, merged.Model)
}

// Weights of 8 bits that nothing may move are no more averaged than others.
func TestMergeQuantisedFrozen(t *testing.T) {
	network := func(q ...byte) *onnxgraph.Model {
		return written(t, []*onnxpb.TensorProto{floats("s", nil, .1), {Name: proto.String("w"), Dims: []int64{3, 2}, DataType: proto.Int32(int32(onnxgraph.Int8)), RawData: q}},
			[]string{"y"}, writtenNode("DequantizeLinear w s -> wf", nil), writtenNode("MatMul x wf -> y", nil))
	}
	if _, err := rebasin.Merge(context.Background(), network(1, 2, 3, 4, 5, 6), network(1, 2, 3, 4, 5, 7), rebasin.Options{Lambda: .5}); err == nil {
		t.Error("8-bit weights that differ were averaged")
	}
}
