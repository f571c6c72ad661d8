package onnxgraph

// typeRule returns the element type of output i, Undefined when not known.
type typeRule func(c operation, i int) DataType

// outputType returns the element type of output i: what the rule of the node
// found, otherwise what the table says, otherwise the type of the first input.
func (c operation) outputType(i int) DataType {
	if t := c.facts[c.n.Outputs[i]].typ; t != Undefined {
		return t
	}
	if rule, ok := typeRules[c.n.key()]; ok {
		return rule(c, i)
	}
	if _, known := c.rules[c.n.key()]; known && c.n.Domain != "ai.onnx.ml" {
		return c.Type(c.in(0))
	}
	return Undefined
}

// always is the rule of outputs of one type, or of one type each.
func always(types ...DataType) typeRule {
	return func(_ operation, i int) DataType { return types[min(i, len(types)-1)] }
}

// like is the rule of outputs of the type of an input, or of an input each.
func like(inputs ...int) typeRule {
	return func(c operation, i int) DataType { return c.Type(c.in(inputs[min(i, len(inputs)-1)])) }
}

// firstThen is the rule of operators whose first output has the type of input 0
// and the others another.
func firstThen(other DataType) typeRule {
	return func(c operation, i int) DataType {
		if i == 0 {
			return c.Type(c.in(0))
		}
		return other
	}
}

// named is the rule of operators that name their output's type in an attribute.
func named(attr string, otherwise typeRule) typeRule {
	return func(c operation, i int) DataType {
		if t := c.attrInt(attr, 0); t != 0 {
			return DataType(t)
		}
		return otherwise(c, i)
	}
}

// likeOr is like, with a type for when the input is left out.
func likeOr(input int, otherwise DataType) typeRule {
	return func(c operation, _ int) DataType {
		if t := c.Type(c.in(input)); t != Undefined {
			return t
		}
		return otherwise
	}
}

// constantType is the type of a Constant that is no tensor, and of the elements
// that ConstantOfShape repeats.
func constantType(c operation, _ int) DataType {
	for name, t := range map[string]DataType{
		"value_int": Int64, "value_ints": Int64, "value_float": Float32, "value_floats": Float32,
		"value_string": String, "value_strings": String,
	} {
		if _, ok := c.n.Attrs[name]; ok {
			return t
		}
	}
	if a, ok := c.n.Attrs["value"]; ok && a.Weight != nil {
		return a.Weight.Type
	}
	return Float32
}

// dropoutType: the mask is boolean from opset 10 on.
func dropoutType(c operation, i int) DataType {
	if i > 0 && c.n.Version >= 10 {
		return Bool
	}
	return c.Type(c.in(0))
}

// labelType is the type of a classifier's outputs: labels, then scores.
func labelType(c operation, i int) DataType {
	if i > 0 {
		return Float32
	}
	if len(c.n.Attrs["classlabels_strings"].Strings) > 0 {
		return String
	}
	return Int64
}

// encodedType is the type of the values to which LabelEncoder maps its keys.
func encodedType(c operation, _ int) DataType {
	for name, t := range map[string]DataType{
		"values_int64s": Int64, "values_strings": String, "values_floats": Float32,
	} {
		if _, ok := c.n.Attrs[name]; ok {
			return t
		}
	}
	if a := c.n.Attrs["values_tensor"]; a.Weight != nil {
		return a.Weight.Type
	}
	return Undefined
}

// typeRules is the rule of every operator whose outputs are not simply of the
// type of its first input.
var typeRules = joined(rulesOf("", onnxTypes), rulesOf(microsoft, contribTypes), rulesOf(mlDomain, mlTypes))

var onnxTypes = map[string]typeRule{
	"And": always(Bool), "Equal": always(Bool), "Greater": always(Bool), "GreaterOrEqual": always(Bool),
	"IsInf": always(Bool), "IsNaN": always(Bool), "Less": always(Bool), "LessOrEqual": always(Bool),
	"Not": always(Bool), "Or": always(Bool), "Xor": always(Bool),
	"OptionalHasElement": always(Bool), "RegexFullMatch": always(Bool),
	"ArgMax": always(Int64), "ArgMin": always(Int64), "NonMaxSuppression": always(Int64), "NonZero": always(Int64),
	"SequenceLength": always(Int64), "Shape": always(Int64), "Size": always(Int64),
	"TopK": firstThen(Int64), "MaxPool": firstThen(Int64), "Unique": firstThen(Int64),
	"LayerNormalization": firstThen(Float32), "StringSplit": always(String, Int64),
	"Cast": named("to", always(Undefined)), "BitCast": named("to", always(Undefined)), "CastLike": like(1), "Where": like(1), "OneHot": like(2),
	"Constant": constantType, "ConstantOfShape": constantType, "Dropout": dropoutType,
	"Bernoulli": named("dtype", like(0)), "EyeLike": named("dtype", like(0)),
	"Multinomial": named("dtype", always(Int32)), "RandomNormal": named("dtype", always(Float32)),
	"RandomNormalLike": named("dtype", like(0)), "RandomUniform": named("dtype", always(Float32)),
	"RandomUniformLike": named("dtype", like(0)),
	"HannWindow":        named("output_datatype", always(Float32)),
	"HammingWindow":     named("output_datatype", always(Float32)),
	"BlackmanWindow":    named("output_datatype", always(Float32)),
	"MelWeightMatrix":   named("output_datatype", always(Float32)),
	"TfIdfVectorizer":   always(Float32), "ImageDecoder": always(Uint8),
	"QuantizeLinear":        named("output_dtype", likeOr(2, Uint8)),
	"DequantizeLinear":      named("output_dtype", like(1)),
	"DynamicQuantizeLinear": always(Uint8, Float32, Uint8),
	"ConvInteger":           always(Int32), "MatMulInteger": always(Int32),
	"QLinearConv": like(7), "QLinearMatMul": like(7),
	"If": always(Undefined), "Loop": always(Undefined), "Scan": always(Undefined),
	"ConcatFromSequence": always(Undefined),
}

var contribTypes = map[string]typeRule{
	"QuantizeLinear": likeOr(2, Uint8), "DequantizeLinear": like(1), "QAttention": like(3),
	"EmbedLayerNormalization": func(c operation, i int) DataType {
		if i == 1 {
			return Int32
		}
		return c.Type(c.in(2))
	},
	"MatMulIntegerToFloat": like(2), "MatMulInteger16": always(Int32), "QGemm": likeOr(8, Float32),
	"QLinearConcat": like(1), "QLinearWhere": like(1), "GatherBlockQuantized": like(2),
	"Unique": firstThen(Int64), "BeamSearch": always(Int32, Float32, Float32),
}

var mlTypes = map[string]typeRule{
	"LinearClassifier": labelType, "TreeEnsembleClassifier": labelType, "SVMClassifier": labelType,
	"LinearRegressor": always(Float32), "TreeEnsembleRegressor": always(Float32),
	"SVMRegressor": always(Float32), "TreeEnsemble": like(0), "Normalizer": always(Float32),
	"Scaler": always(Float32), "Imputer": like(0), "Binarizer": like(0),
	"OneHotEncoder": always(Float32), "FeatureVectorizer": always(Float32),
	"ArrayFeatureExtractor": like(0), "LabelEncoder": encodedType,
}
