package graphfuzz

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// weight is a learned tensor in one of the forms that exporters write it in. Its
// numbers have the deviation scale.
func (b *builder) weight(scale float64, shape ...int) string {
	key := fmt.Sprint(shape)
	if old := b.kept[key]; len(old) > 0 && !b.closed && b.chance(8) {
		b.part("shared weight")
		return one(b.common, old...)
	}
	form := weightForms[b.rng.IntN(len(weightForms))]
	if w, ok := form.make(b, scale, shape); ok {
		b.part("weight " + form.name)
		return w
	}
	return b.plain(scale, shape)
}

// plain is a weight stored as it is.
func (b *builder) plain(scale float64, shape []int) string {
	w := b.initializer(b.random(scale, shape))
	if b.main {
		key := fmt.Sprint(shape)
		b.kept[key] = append(b.kept[key], w)
	}
	return w
}

// random is a tensor of normal numbers.
func (b *builder) random(scale float64, shape []int) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Float32)), Dims: dims(shape)}
	inFields := b.chance(4)
	for range (value{shape: shape}).elements() {
		if x := b.rng.NormFloat64() * scale; inFields {
			t.FloatData = append(t.FloatData, float32(x))
		} else {
			t.RawData = appendFloat(t.RawData, x)
		}
	}
	return t
}

// weightForms make a weight of a shape; false when the form has none such.
var weightForms = []struct {
	name string
	make func(b *builder, scale float64, shape []int) (string, bool)
}{
	{"as it is", func(b *builder, scale float64, shape []int) (string, bool) { return b.plain(scale, shape), true }},
	{"as it is", func(b *builder, scale float64, shape []int) (string, bool) { return b.plain(scale, shape), true }},
	{"in a Constant", func(b *builder, scale float64, shape []int) (string, bool) {
		return b.constant(b.random(scale, shape)), true
	}},
	{"behind Identity", func(b *builder, scale float64, shape []int) (string, bool) {
		return b.node("Identity", in(b.plain(scale, shape))), true
	}},
	{"transposed", transposedWeight},
	{"reshaped", func(b *builder, scale float64, shape []int) (string, bool) {
		n := value{shape: shape}.elements()
		return b.node("Reshape", in(b.plain(scale, []int{n}), b.ints(shape...))), len(shape) > 0
	}},
	{"in float16", float16Weight},
	{"quantised", quantisedWeight},
	{"concatenated", concatenatedWeight},
	{"with a gain", gainWeight},
	{"with unit dimensions", func(b *builder, scale float64, shape []int) (string, bool) {
		return b.node("Squeeze", in(b.plain(scale, append([]int{1}, shape...)), b.ints(0))), true
	}},
	{"in a slice", slicedWeight},
}

func transposedWeight(b *builder, scale float64, shape []int) (string, bool) {
	perm := b.rng.Perm(len(shape))
	from := make([]int, len(shape))
	for i, p := range perm {
		from[p] = shape[i]
	}
	if len(shape) < 2 {
		return "", false
	}
	return b.node("Transpose", in(b.plain(scale, from)), intsAttr("perm", perm...)), true
}

func float16Weight(b *builder, scale float64, shape []int) (string, bool) {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Float16)), Dims: dims(shape)}
	for range (value{shape: shape}).elements() {
		h := half.ToFloat16(float32(b.rng.NormFloat64() * scale))
		t.RawData = append(t.RawData, byte(h), byte(h>>8))
	}
	return b.node("Cast", in(b.initializer(t)), intAttr("to", int(onnxgraph.Float32))), true
}

// quantisedWeight has eight bits and a scale for every slot of its first axis,
// or one for all.
func quantisedWeight(b *builder, scale float64, shape []int) (string, bool) {
	if len(shape) == 0 {
		return "", false
	}
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Int8)), Dims: dims(shape)}
	for range (value{shape: shape}).elements() {
		t.RawData = append(t.RawData, byte(int8(max(-127, min(127, b.rng.NormFloat64()*40)))))
	}
	axis := b.rng.IntN(len(shape))
	steps := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Float32))}
	count := 1
	if b.chance(2) {
		count = shape[axis]
		steps.Dims = []int64{int64(count)}
	}
	for range count {
		steps.RawData = appendFloat(steps.RawData, scale/40*math.Exp(b.rng.NormFloat64()/4))
	}
	return b.node("DequantizeLinear", in(b.initializer(t), b.initializer(steps)), intAttr("axis", axis)), true
}

func concatenatedWeight(b *builder, scale float64, shape []int) (string, bool) {
	if len(shape) == 0 {
		return "", false
	}
	axis := b.rng.IntN(len(shape))
	if shape[axis] < 2 {
		return "", false
	}
	first, second := slices.Clone(shape), slices.Clone(shape)
	first[axis] = 1 + b.rng.IntN(shape[axis]-1)
	second[axis] -= first[axis]
	return b.node("Concat", in(b.plain(scale, first), b.plain(scale, second)), intAttr("axis", axis)), true
}

// gainWeight is a weight times a gain for each slot of one axis.
func gainWeight(b *builder, scale float64, shape []int) (string, bool) {
	if len(shape) == 0 {
		return "", false
	}
	gain := make([]int, len(shape))
	for i := range gain {
		gain[i] = 1
	}
	axis := b.rng.IntN(len(shape))
	gain[axis] = shape[axis]
	return b.node("Mul", in(b.plain(scale, shape), b.plain(1, gain))), true
}

// slicedWeight is the first part of a larger weight.
func slicedWeight(b *builder, scale float64, shape []int) (string, bool) {
	if len(shape) == 0 {
		return "", false
	}
	axis := b.rng.IntN(len(shape))
	larger := slices.Clone(shape)
	larger[axis] += 1 + b.rng.IntN(3)
	return b.node("Slice", in(b.plain(scale, larger), b.ints(0), b.ints(shape[axis]), b.ints(axis))), true
}
