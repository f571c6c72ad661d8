package onnxgraph_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Elements of 8 bits stand for scale·(q - zero), with the scale of all, of their
// slot, or of their block.
func TestDequantised(t *testing.T) {
	bytes := func(name string, kind onnxgraph.DataType, shape []int64, x ...byte) *onnxpb.TensorProto {
		w := tensor(name, kind, shape...)
		w.RawData = x
		return w
	}
	shaped := func(w *onnxpb.TensorProto, shape ...int64) *onnxpb.TensorProto {
		w.Dims = shape
		return w
	}
	w := bytes("w", onnxgraph.Int8, []int64{2, 3}, 1, 2, 3, 4, 0xff, 6)
	u := bytes("w", onnxgraph.Uint8, []int64{2, 3}, 1, 2, 3, 4, 255, 6)
	cube := bytes("w", onnxgraph.Int8, []int64{2, 1, 2}, 1, 2, 3, 4)
	for name, c := range map[string]struct {
		node    *onnxpb.NodeProto
		weights []*onnxpb.TensorProto
		want    []float32
	}{
		"one scale": {op("DequantizeLinear", in("w", "s", "z"), "y"),
			[]*onnxpb.TensorProto{w, shaped(floats("s", .5)), bytes("z", onnxgraph.Int8, nil, 2)}, []float32{-.5, 0, .5, 1, -1.5, 2}},
		"no zero point": {op("DequantizeLinear", in("w", "s"), "y"),
			[]*onnxpb.TensorProto{w, floats("s", 2)}, []float32{2, 4, 6, 8, -2, 12}},
		"one a column": {op("DequantizeLinear", in("w", "s", "z"), "y"),
			[]*onnxpb.TensorProto{w, floats("s", 1, 2, 3), bytes("z", onnxgraph.Int8, []int64{3}, 0, 1, 2)}, []float32{1, 2, 3, 4, -4, 12}},
		"one a row": {withAttrs(op("DequantizeLinear", in("w", "s"), "y"), intAttr("axis", -2)),
			[]*onnxpb.TensorProto{w, floats("s", 1, 2)}, []float32{1, 2, 3, 8, -2, 12}},
		"one a block": {withAttrs(op("DequantizeLinear", in("w", "s"), "y"), intAttr("axis", 1), intAttr("block_size", 2)),
			[]*onnxpb.TensorProto{w, shaped(floats("s", 1, 2, 3, 4), 2, 2)}, []float32{1, 2, 6, 12, -3, 24}},
		"a product's columns": {op("QLinearMatMul", in("x", "s", "z", "w", "s3", "z3", "s", "z"), "y"),
			[]*onnxpb.TensorProto{w, floats("s", 1), bytes("z", onnxgraph.Int8, nil, 1), floats("s3", 1, 2, 3), bytes("z3", onnxgraph.Int8, []int64{3}, 1, 1, 1)},
			[]float32{0, 2, 6, 3, -4, 15}},
		"directions and gates": {&onnxpb.NodeProto{OpType: proto.String("DynamicQuantizeLSTM"), Domain: proto.String("com.microsoft"),
			Input: in("x", "w", "w", "", "", "", "", "", "s", "z", "s", "z"), Output: in("y")},
			[]*onnxpb.TensorProto{cube, shaped(floats("s", 1, 2, 3, 4), 2, 2), bytes("z", onnxgraph.Int8, []int64{2}, 0, 1)}, []float32{1, 4, 6, 12}},
		"scale not known":                 {op("MatMulInteger", in("x", "w"), "y"), []*onnxpb.TensorProto{w}, []float32{1. / 128, 2. / 128, 3. / 128, 4. / 128, -1. / 128, 6. / 128}},
		"neither scale nor zero is known": {op("MatMulInteger", in("x", "w"), "y"), []*onnxpb.TensorProto{u}, []float32{-127. / 128, -126. / 128, -125. / 128, -124. / 128, 127. / 128, -122. / 128}},
	} {
		m := parse(t, model(&onnxpb.GraphProto{Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value("y")},
			Initializer: c.weights, Node: []*onnxpb.NodeProto{c.node}}))
		i := slices.IndexFunc(m.Weights(), func(w *onnxgraph.Weight) bool { return w.Name == "w" })
		got, err := m.Dequantised(m.Weights()[i], onnxgraph.Quantisations(m)[m.Weights()[i]])
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

// A scale that does not fit its weight is an error.
func TestDequantisedMisfit(t *testing.T) {
	w := tensor("w", onnxgraph.Int8, 2, 3)
	w.RawData = make([]byte, 6)
	m := parse(t, model(&onnxpb.GraphProto{Output: []*onnxpb.ValueInfoProto{value("y")},
		Initializer: []*onnxpb.TensorProto{w, floats("s", 1, 2, 3, 4)}, Node: []*onnxpb.NodeProto{op("DequantizeLinear", in("w", "s"), "y")}}))
	want := `weight "w" of shape [2 3] has a scale or zero point "s" of shape [4]`
	if _, err := m.Dequantised(m.Weights()[0], onnxgraph.Quantisations(m)[m.Weights()[0]]); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
