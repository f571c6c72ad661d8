package onnxgraph

// shapeRule gives the outputs of one node their shapes. What it leaves open is
// filled from the file, or stays unknown.
type shapeRule func(c operation)

// same gives output 0 the shape of input 0.
func same(c operation) { c.copy(0, 0) }

// sameAll gives every output the shape of input 0.
func sameAll(c operation) {
	for i := range c.n.Outputs {
		c.copy(i, 0)
	}
}

// dynamicQuantize keeps the shape; scale and zero point are scalars.
func dynamicQuantize(c operation) {
	c.copy(0, 0)
	c.set(1)
	c.set(2)
}

// sameAs gives output 0 the shape of input i.
func sameAs(i int) shapeRule { return func(c operation) { c.copy(0, i) } }

// broadcast gives output 0 the shape to which all inputs broadcast.
func broadcast(c operation) {
	if c.n.Version < 7 && c.n.Domain == "" && c.attrInt("broadcast", 0) == 1 {
		c.copy(0, 0) // the old form: the right side is fitted to the left one
		return
	}
	inputs := make([]int, len(c.n.Inputs))
	for i := range inputs {
		inputs[i] = i
	}
	c.broadcastOf(inputs...)
}

// broadcastAt gives output 0 the shape to which the named inputs broadcast.
func broadcastAt(inputs ...int) shapeRule {
	return func(c operation) { c.broadcastOf(inputs...) }
}

func (c operation) broadcastOf(inputs ...int) {
	var out []Dim
	for _, i := range inputs {
		dims, ok := c.shape(i)
		if !ok {
			return
		}
		out = broadcastShapes(out, dims)
	}
	c.set(0, out...)
}

// broadcastShapes returns the shape to which two shapes broadcast, aligned at
// the last axis.
func broadcastShapes(a, b []Dim) []Dim {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]Dim(nil), a...)
	lead := len(a) - len(b)
	for i, d := range b {
		out[lead+i] = broadcastDims(a[lead+i], d)
	}
	return out
}

// broadcastDims returns the size to which two sizes broadcast. Against a known
// size other than 1 a symbolic one must be equal or 1, so the known one is it.
func broadcastDims(a, b Dim) Dim {
	one := Size(1)
	switch {
	case a == b || b == one:
		return a
	case a == one:
		return b
	}
	_, knownA := a.Known()
	_, knownB := b.Known()
	switch {
	case knownA && knownB:
		return Symbol("") // they contradict each other
	case knownA:
		return a
	case knownB:
		return b
	}
	return choice("bcast", a, b)
}

// unify returns what is known of one size of which two things are known.
func unify(a, b Dim) Dim {
	if _, known := b.Known(); known || a.Unknown() {
		if _, both := a.Known(); !both {
			return b
		}
	}
	return a
}

var pointShapes = map[string]shapeRule{
	// one input, or parameters beside it that do not change the shape
	"Abs": same, "Acos": same, "Acosh": same, "Asin": same, "Asinh": same, "Atan": same, "Atanh": same,
	"Bernoulli": same, "BitCast": same, "BitwiseNot": same, "Cast": same, "CastLike": same, "Ceil": same, "Celu": same,
	"Clip": same, "Cos": same, "Cosh": same, "CumProd": same, "CumSum": same, "DequantizeLinear": same,
	"Elu": same, "Erf": same, "Exp": same, "EyeLike": same, "Floor": same, "Gelu": same, "Hardmax": same,
	"HardSigmoid": same, "HardSwish": same, "Identity": same, "ImageScaler": same, "IsInf": same,
	"IsNaN": same, "LeakyRelu": same, "Log": same, "LogSoftmax": same, "LpNormalization": same,
	"LRN": same, "MeanVarianceNormalization": same, "Mish": same, "Neg": same, "Not": same, "OptionalGetElement": same,
	"ParametricSoftplus": same, "QuantizeLinear": same, "RandomNormalLike": same,
	"RandomUniformLike": same, "Reciprocal": same, "RegexFullMatch": same, "Relu": same,
	"ReverseSequence": same, "Round": same, "ScaledTanh": same, "Selu": same, "Shrink": same,
	"Sigmoid": same, "Sign": same, "Sin": same, "Sinh": same, "Softmax": same, "Softplus": same,
	"Softsign": same, "Sqrt": same, "Swish": same, "Tan": same, "Tanh": same, "ThresholdedRelu": same,
	"Trilu": same, "Affine": same, "Scale": same, "GivenTensorFill": same, "InstanceNormalization": same,
	"GroupNormalization": same, "RotaryEmbedding": same, "RMSNormalization": same,
	"TensorScatter": same, "Dropout": sameAll, "DynamicQuantizeLinear": dynamicQuantize, "PRelu": same,
	// several inputs that broadcast
	"Add": broadcast, "And": broadcast, "BitShift": broadcast, "BitwiseAnd": broadcast,
	"BitwiseOr": broadcast, "BitwiseXor": broadcast, "Div": broadcast, "Equal": broadcast,
	"Greater": broadcast, "GreaterOrEqual": broadcast, "Less": broadcast, "LessOrEqual": broadcast,
	"Max": broadcast, "Mean": broadcast, "Min": broadcast, "Mod": broadcast, "Mul": broadcast,
	"Or": broadcast, "Pow": broadcast, "StringConcat": broadcast, "Sub": broadcast, "Sum": broadcast,
	"Where": broadcast, "Xor": broadcast,
}
