package graphfuzz

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// side is the height and width of the images that convolutions get here.
const side = 5

// fill is a vector of float32 that next makes up.
func (b *builder) fill(n int, next func() float64) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Float32)), Dims: []int64{int64(n)}}
	for range n {
		t.RawData = appendFloat(t.RawData, next())
	}
	return t
}

// zeros is a vector of int8 zero points.
func (b *builder) zeros(n int) string {
	return b.constant(&onnxpb.TensorProto{DataType: proto.Int32(int32(onnxgraph.Int8)), Dims: []int64{int64(n)}, RawData: make([]byte, n)})
}

// convolve is a convolution of equal height and width, from c to o channels in
// g groups, over axes space axes, with what often follows it.
func (b *builder) convolve(x string, c, o, g, axes int) string {
	shape, pads := []int{o, c / g}, []int{}
	k := one(b.common, 1, 3)
	scale := 1 / math.Sqrt(float64(c/g*k))
	for range axes {
		shape = append(shape, k)
	}
	for range 2 * axes {
		pads = append(pads, k/2)
	}
	inputs := in(x, b.weight(scale, shape...))
	if b.chance(2) {
		inputs = append(inputs, b.weight(0.3, o))
	}
	y := b.node("Conv", inputs, intsAttr("pads", pads...), intAttr("group", g))
	if b.chance(2) {
		variance := b.initializer(b.fill(o, func() float64 { return 0.5 + b.rng.Float64() }))
		y = b.node("BatchNormalization", in(y, b.weight(1, o), b.weight(0.3, o), b.weight(0.3, o), variance))
	}
	return b.sometimesActive(y)
}

func (b *builder) image(axes, c int) []int {
	shape := []int{1 + b.rng.IntN(2), c}
	for range axes {
		shape = append(shape, side)
	}
	return shape
}

func (b *builder) conv() {
	g, axes := one(b.common, 1, 1, 2, 3), 1+b.rng.IntN(2)
	c, o := g*(1+b.rng.IntN(3)), g*(1+b.rng.IntN(4))
	shape := b.image(axes, c)
	y := b.convolve(b.takeAs(shape...), c, o, g, axes)
	shape[1] = o
	if b.chance(2) {
		h := 1 + b.rng.IntN(5)
		y = b.convolve(y, o, h, 1, axes)
		shape[1] = h
	}
	if b.chance(3) {
		y = b.node(one(b.common, "GlobalAveragePool", "GlobalMaxPool"), in(y))
		b.give(b.node("Flatten", in(y)), shape[0], shape[1])
		return
	}
	b.give(y, shape...)
}

// convResidual is a block with a way around it, as residual networks have.
func (b *builder) convResidual() {
	c := b.size()
	shape := b.image(2, c)
	x := b.takeAs(shape...)
	h := b.size()
	y := b.convolve(b.convolve(x, c, h, 1, 2), h, c, 1, 2)
	b.give(b.active(b.node("Add", b.mixed(x, y))), shape...)
}

// shuffle is a grouped convolution, a channel shuffle, and another.
func (b *builder) shuffle() {
	g, k := 2+b.rng.IntN(2), 2+b.rng.IntN(2)
	c := g * k
	shape := b.image(2, c)
	y := b.convolve(b.takeAs(shape...), c, c, g, 2)
	y = b.node("Reshape", in(y, b.ints(shape[0], g, k, side, side)))
	y = b.node("Transpose", in(y), intsAttr("perm", 0, 2, 1, 3, 4))
	y = b.node("Reshape", in(y, b.ints(shape...)))
	b.give(b.convolve(y, c, c, one(b.common, g, k, c), 2), shape...)
}

func (b *builder) squeezeExcite() {
	c, h := b.size(), 1+b.rng.IntN(4)
	shape := b.image(2, c)
	x := b.takeAs(shape...)
	s := b.node("GlobalAveragePool", in(x))
	s = b.convolve(s, c, h, 1, 2)
	s = b.node("Sigmoid", in(b.convolve(s, h, c, 1, 2)))
	b.give(b.node("Mul", b.mixed(x, s)), shape...)
}
