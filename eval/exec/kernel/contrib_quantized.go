package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// fixedPoint is an operator of com.microsoft on quantized tensors: a floating-point operator on the numbers that
// they stand for, whose result is quantized again.
type fixedPoint struct {
	op      string
	prepare Prepare
	inputs  []fixedInput
	scale   int // the input that holds the scale of the result, the zero point after it; asFloats leaves it as it is
}

// fixedInput is where an input of the floating-point operator comes from: the quantized input at, with its scale and
// zero point, or with scale 0 an input that is taken as it is.
type fixedInput struct {
	at, scale, zero int
	axis            int // that a scale for each index belongs to
}

const (
	asFloats  = -1
	biasScale = -1 // as the scale of an input: the product of inputs 1 and 4
)

// asIs lists inputs that are taken as they are.
func asIs(at ...int) []fixedInput {
	var in []fixedInput
	for _, i := range at {
		in = append(in, fixedInput{at: i})
	}
	return in
}

// unaryFixed is an operator with one quantized input, followed by its scale and zero point and those of the result.
func unaryFixed(op string, p Prepare) fixedPoint {
	return fixedPoint{op, p, []fixedInput{{0, 1, 2, 0}}, 3}
}

// fixedPoints has the operators of which all inputs have their places.
var fixedPoints = map[string]fixedPoint{
	"QLinearAdd":               {op: "Add", prepare: prepareArith, inputs: []fixedInput{{0, 1, 2, 0}, {3, 4, 5, 0}}, scale: 6},
	"QLinearMul":               {op: "Mul", prepare: prepareArith, inputs: []fixedInput{{0, 1, 2, 0}, {3, 4, 5, 0}}, scale: 6},
	"QLinearWhere":             {op: "Where", prepare: prepareWhere, inputs: []fixedInput{{at: 0}, {1, 2, 3, 0}, {4, 5, 6, 0}}, scale: 7},
	"QLinearLeakyRelu":         unaryFixed("LeakyRelu", prepareFloat),
	"QLinearSigmoid":           unaryFixed("Sigmoid", prepareFloat),
	"QLinearSoftmax":           unaryFixed("Softmax", prepareSoftmax),
	"QLinearAveragePool":       unaryFixed("AveragePool", prepareAveragePool),
	"QLinearGlobalAveragePool": unaryFixed("GlobalAveragePool", prepareGlobalPool),
	"QAttention": {op: "Attention", prepare: preparePackedAttention, scale: asFloats,
		inputs: append([]fixedInput{{0, 3, 6, 0}, {1, 4, 7, 1}}, asIs(2, 5, 8)...)},
	"QEmbedLayerNormalization": {op: "EmbedLayerNormalization", prepare: prepareEmbedNorm, scale: asFloats,
		inputs: append(append(asIs(0, 1), fixedInput{2, 8, 13, 0}, fixedInput{3, 9, 14, 0}, fixedInput{4, 10, 15, 0},
			fixedInput{5, 11, 16, 0}, fixedInput{6, 12, 17, 0}), asIs(7)...)},
}

// prepareFixedPoint prepares the operators on quantized tensors that ONNX Runtime's quantizer writes.
func prepareFixedPoint(n *Node) (Kernel, error) {
	if n.Flag("channels_last") {
		return nil, fmt.Errorf("channels_last is not supported")
	}
	f := fixedPoints[n.Op]
	switch n.Op {
	case "QLinearConcat":
		f = concatFixed(len(n.Given))
	case "QGemm":
		f = gemmFixed(n)
	}
	inner := &Node{Op: f.op, Version: n.Int("opset", 13), Attrs: n.Attrs, Wanted: n.Wanted, Load: n.Load}
	for _, in := range f.inputs {
		t, err := in.floats(n.Constant)
		if err != nil {
			return nil, err
		}
		inner.Const, inner.Given = append(inner.Const, t), append(inner.Given, n.Has(in.at))
	}
	run, err := f.prepare(inner)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error { return f.run(c, run, inner.Const) }, nil
}

// concatFixed is QLinearConcat: the scale and zero point of the result, then three inputs for every tensor.
func concatFixed(inputs int) fixedPoint {
	f := fixedPoint{op: "Concat", prepare: prepareConcat}
	for i := 2; i+2 < inputs; i += 3 {
		f.inputs = append(f.inputs, fixedInput{i, i + 1, i + 2, 0})
	}
	return f
}

// gemmFixed is QGemm. The bias counts products of the two scales; without a scale, the result is floats.
func gemmFixed(n *Node) fixedPoint {
	columns := 1
	if n.Flag("transB") {
		columns = 0
	}
	f := fixedPoint{op: "Gemm", prepare: prepareGemm, scale: asFloats, inputs: []fixedInput{{0, 1, 2, 0}, {3, 4, 5, columns}}}
	if n.Has(6) {
		f.inputs = append(f.inputs, fixedInput{at: 6, scale: biasScale})
	}
	if n.Has(7) {
		f.scale = 7
	}
	return f
}

// floats returns what an input stands for, nil when it or a scale is not there.
func (in fixedInput) floats(input func(i int) *Tensor) (*Tensor, error) {
	x := input(in.at)
	if x == nil || in.scale == 0 {
		return x, nil
	}
	scale, zero := input(max(in.scale, 1)), (*Tensor)(nil)
	if in.scale != biasScale {
		zero = input(in.zero)
	}
	if in.scale == biasScale && scale != nil {
		other := input(4)
		if other == nil {
			return nil, nil
		}
		a, err := oneFloat(scale)
		if err != nil {
			return nil, err
		}
		b, err := floats64(other)
		if err != nil {
			return nil, err
		}
		products := make([]float64, len(b))
		for i, v := range b {
			products[i] = a * v
		}
		scale = &Tensor{Type: onnxgraph.Float64, Shape: other.Shape, Data: products}
	}
	if scale == nil {
		return nil, nil
	}
	return dequantized(x, scale, zero, in.axis)
}

// dequantized returns (x - zero)·scale in float32.
func dequantized(x, scale, zero *Tensor, axis int) (*Tensor, error) {
	v, err := floats64(x)
	if err != nil {
		return nil, err
	}
	s, err := stepsOf(x.Shape, scale, zero, axis, 0)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(v))
	for i, q := range v {
		k := s.index(i)
		out[i] = float32((q - s.zero[k]) * s.scale[k])
	}
	return &Tensor{Type: onnxgraph.Float32, Shape: x.Shape, Data: out}, nil
}

// run computes the floating-point operator on what the inputs stand for; those known before are in consts.
func (f *fixedPoint) run(c *Call, run Kernel, consts []*Tensor) error {
	inputs := slices.Clone(consts)
	for i, in := range f.inputs {
		if inputs[i] != nil {
			continue
		}
		var err error
		if inputs[i], err = in.floats(c.Input); err != nil {
			return err
		}
	}
	sub := c.sub(inputs...)
	if f.scale == asFloats {
		sub.Out = c.Out
	}
	if err := run(sub); err != nil {
		return err
	}
	sub.End()
	if f.scale == asFloats {
		return nil
	}
	c.scratch = append(c.scratch, sub.Out[0])
	typ := c.In[f.inputs[len(f.inputs)-1].at].Type
	if c.Has(f.scale + 1) {
		typ = c.In[f.scale+1].Type
	}
	return c.quantized(&sub.Out[0].Tensor, c.In[f.scale], c.Input(f.scale+1), typ, 0, 0)
}

// prepareDynamicLSTM prepares DynamicQuantizeLSTM: an LSTM with quantized weights, stored input by gate, in which
// inputs and states are quantized before they are multiplied. ONNX Runtime quantizes the states of the examples of
// one thread together, here it is those of the batch.
func prepareDynamicLSTM(n *Node) (Kernel, error) {
	inner := *n
	inner.Op, inner.Const = "LSTM", slices.Clone(n.Const)
	var err error
	for i := 1; i <= 2; i++ {
		if inner.Const[i], err = gateWeights(i, n.Constant); err != nil {
			return nil, err
		}
	}
	g, err := newRecurrent(&inner)
	if err != nil {
		return nil, err
	}
	g.coarse = true
	return func(c *Call) error {
		var in [2]*Tensor
		for i := range in {
			var err error
			if in[i] = inner.Const[1+i]; in[i] == nil {
				in[i], err = gateWeights(1+i, c.Input)
			}
			if err != nil {
				return err
			}
		}
		c.In[1], c.In[2] = in[0], in[1]
		return g.run(c)
	}, nil
}

// gateWeights returns what input 1 or 2, weights of every direction, input by gate, stands for, gate by input as an
// LSTM has them; nil when it or its scale is not known. There is a scale for each direction, or for each gate of it.
func gateWeights(i int, input func(i int) *Tensor) (*Tensor, error) {
	w, scale, zero := input(i), input(6+2*i), input(7+2*i)
	if w == nil || scale == nil {
		return nil, nil
	}
	if len(w.Shape) != 3 {
		return nil, fmt.Errorf("weights of shape %v", w.Shape)
	}
	ways, rows, cols := w.Shape[0], w.Shape[1], w.Shape[2]
	out := &Tensor{Type: onnxgraph.Float32, Shape: []int{ways, cols, rows}}
	v, err := floats64(w)
	if err != nil {
		return nil, err
	}
	s, err := floats64(scale)
	if err != nil {
		return nil, err
	}
	z := make([]float64, len(s))
	if zero != nil {
		if z, err = floats64(zero); err != nil {
			return nil, err
		}
	}
	if len(s) != ways && len(s) != ways*cols || len(z) != len(s) {
		return nil, fmt.Errorf("%d scales and %d zero points for weights of shape %v", len(s), len(z), w.Shape)
	}
	d := make([]float32, len(v))
	for i, q := range v {
		way, row, col := i/(rows*cols), i/cols%rows, i%cols
		k := (way*cols + col) * len(s) / (ways * cols)
		d[(way*cols+col)*rows+row] = float32((q - z[k]) * s[k])
	}
	out.Data = d
	return out, nil
}
