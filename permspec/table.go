package permspec

import (
	"maps"
)

// opKey names an operator; the domain "" is ai.onnx.
type opKey struct{ domain, op string }

const ms = "com.microsoft"

// quantised lists the operators whose 32-bit integer inputs are biases or
// accumulated weights, not indices.
var quantised = map[opKey]bool{
	{"", "DequantizeLinear"}: true, {"", "QLinearConv"}: true, {"", "ConvInteger"}: true, {"", "MatMulInteger"}: true,
	{ms, "DequantizeLinear"}: true, {ms, "QAttention"}: true, {ms, "QGemm"}: true, {ms, "QLinearAdd"}: true, {ms, "QLinearMul"}: true,
}

// table holds the rule of every operator known, as in the operator pages of
// ONNX (opset 1 to 24) and of ONNX Runtime's contributed operators. What is not
// here freezes what it touches.
//
// Every line is held to its word by the property test: permuting each name
// everywhere it stands, and differently for each slot of the names that stand
// with it everywhere, permutes the outputs in the same way.
var table = map[opKey]rule{
	// Linear maps.
	{"", "Gemm"}:                  gemm,
	{ms, "FusedGemm"}:             gemm,
	{"", "MatMul"}:                matMul,
	{ms, "FusedMatMul"}:           fusedMatMul,
	{"", "Einsum"}:                einsum,
	{"", "MatMulInteger"}:         matMulInteger,
	{"", "QLinearMatMul"}:         qlinearMatMul,
	{ms, "TransposeMatMul"}:       fusedMatMul,
	{ms, "QGemm"}:                 lanes(among(gemm, 0, 3, 6), "j", 4, 5),
	{ms, "MatMulIntegerToFloat"}:  lanes(among(matMul, 0, 1), "j", 3, 5, 6),
	{ms, "DynamicQuantizeMatMul"}: lanes(among(matMul, 0, 1), "j", 2, 3, 4),
	{ms, "MatMulNBits"}:           matMulNBits,
	{ms, "CDist"}:                 text("i k, j k -> i j"),

	// Convolution: g groups of c input and o output channels.
	{"", "Conv"}:          grouped("n (g c) #s.., (g o) c #r.., (g o) -> n (g o) #p/s.."),
	{ms, "FusedConv"}:     grouped("n (g c) #s.., (g o) c #r.., (g o), n (g o) #p/s.. -> n (g o) #p/s.."),
	{"", "ConvTranspose"}: grouped("n (g c) #s.., (g c) o #r.., (g o) -> n (g o) #p/s.."),
	{"", "ConvInteger"}:   scaled(grouped("n (g c) #s.., (g o) c #r.., , (g o) -> n (g o) #p/s.."), 3),
	{"", "QLinearConv"}:   scaled(grouped("n (g c) #s.., , , (g o) c #r.., (g o), (g o), , , (g o) -> n (g o) #p/s.."), 4, 5),
	{ms, "NhwcConv"}:      grouped("n #s.. (g c), (g o) #r.. c, (g o) -> n #p/s.. (g o)"),
	{ms, "NhwcFusedConv"}: grouped("n #s.. (g c), (g o) #r.. c, (g o), n #p/s.. (g o) -> n #p/s.. (g o)"),

	{"", "DeformConv"}: deformConv,

	// Normalisation.
	{"", "BatchNormalization"}:               batchNorm,
	{"", "InstanceNormalization"}:            text("n c s.., c, c -> n c s.., n c"),
	{"", "GroupNormalization"}:               groupNorm,
	{"", "LayerNormalization"}:               layerNorm,
	{"", "SimplifiedLayerNormalization"}:     layerNorm,
	{"", "RMSNormalization"}:                 layerNorm,
	{ms, "SkipLayerNormalization"}:           skipNorm("b t d, %s, d, d, d -> b t d, b t 1, b t 1, b t d, b t"),
	{ms, "SkipSimplifiedLayerNormalization"}: skipNorm("b t d, %s, d, d -> b t d, b t 1, b t 1, b t d, b t"),
	{ms, "EmbedLayerNormalization"}:          text("b t, b t, #v d, #p d, #s d, d, d, b t, b t -> b t d, b, b t d, b t"),
	{ms, "QEmbedLayerNormalization"}:         text("b t, b t, #v d, #p d, #s d, d, d, b t, , , , , , , , , , -> b t d, b"),
	{"", "MeanVarianceNormalization"}:        meanVariance,
	{"", "LpNormalization"}:                  along("axis", -1, false),
	{"", "LRN"}:                              text("n #c s.. -> n #c s.., n s.."),

	// Softmax and its kin.
	{"", "Softmax"}:        softmax,
	{"", "LogSoftmax"}:     softmax,
	{"", "Hardmax"}:        softmax,
	{ms, "QLinearSoftmax"}: qlinearSoftmax,

	// Pooling.
	{"", "MaxPool"}:                  maxPool,
	{"", "AveragePool"}:              text("n c #s.. -> n c #p/s.."),
	{"", "LpPool"}:                   text("n c #s.. -> n c #p/s.."),
	{"", "GlobalAveragePool"}:        text("n c s.. -> n c 1/s.."),
	{"", "GlobalMaxPool"}:            text("n c s.. -> n c 1/s.."),
	{"", "GlobalLpPool"}:             text("n c s.. -> n c 1/s.."),
	{ms, "QLinearAveragePool"}:       qlinearPool("n c #s.. -> n c #p/s..", "n #s.. c -> n #p/s.. c"),
	{ms, "QLinearGlobalAveragePool"}: qlinearPool("n c s.. -> n c 1/s..", "n s.. c -> n 1/s.. c"),
	{"", "MaxUnpool"}:                text("#n #c #s.., #n #c #s.., ~ -> #n #c #p/s.."),
	{"", "MaxRoiPool"}:               text("n c #h #w, r #5 -> r c #p #q"),
	{"", "RoiAlign"}:                 text("#n c #h #w, r #4, r -> r c #p #q"),
	{"", "GridSample"}:               text("n c #s.., n p.. #r -> n c p.."),

	// Recurrent: d directions, h hidden units; gates stand side by side.
	{"", "LSTM"}: recurrent("#t b i, #d (#4 h) i, #d (#4 h) h, #d (#8 h), b, #d b h, #d b h, #d (#3 h) -> #t #d b h, #d b h, #d b h",
		"b #t i, #d (#4 h) i, #d (#4 h) h, #d (#8 h), b, b #d h, b #d h, #d (#3 h) -> b #t #d h, b #d h, b #d h"),
	{"", "GRU"}: recurrent("#t b i, #d (#3 h) i, #d (#3 h) h, #d (#6 h), b, #d b h -> #t #d b h, #d b h",
		"b #t i, #d (#3 h) i, #d (#3 h) h, #d (#6 h), b, b #d h -> b #t #d h, b #d h"),
	{"", "RNN"}: recurrent("#t b i, #d h i, #d h h, #d (#2 h), b, #d b h -> #t #d b h, #d b h",
		"b #t i, #d h i, #d h h, #d (#2 h), b, b #d h -> b #t #d h, b #d h"),

	{ms, "DynamicQuantizeLSTM"}: quantisedLSTM,

	// Attention: h heads.
	{"", "Attention"}:            attention,
	{"", "RotaryEmbedding"}:      rotary,
	{ms, "RotaryEmbedding"}:      rotaryMS,
	{ms, "Attention"}:            packedAttention(4, 5, 6),
	{ms, "QAttention"}:           quantisedAttention,
	{ms, "MultiHeadAttention"}:   multiHeadAttention,
	{ms, "GroupQueryAttention"}:  groupQueryAttention,
	{ms, "RelativePositionBias"}: text("#v h, ~, ~ -> 1 h #q #k"),

	// Moving axes about.
	{"", "Transpose"}:     transpose,
	{"", "Reshape"}:       reshape,
	{"", "Flatten"}:       reshape,
	{"", "Squeeze"}:       reshape,
	{"", "Unsqueeze"}:     reshape,
	{"", "Concat"}:        concat,
	{ms, "QLinearConcat"}: qlinearConcat,
	{"", "Split"}:         split,
	{"", "Slice"}:         slice,
	{"", "Pad"}:           pad,
	{"", "Gather"}:        gather,
	{"", "Expand"}:        expand,
	{"", "Tile"}:          tile,
	{"", "DepthToSpace"}:  depthToSpace,
	{"", "SpaceToDepth"}:  spaceToDepth,
	{"", "Resize"}:        resize,
	{"", "Upsample"}:      resize,
	{"", "Crop"}:          text("n c #h #w -> n c #p #q"),
	{"", "CenterCropPad"}: centerCropPad,
	{"", "Col2Im"}:        col2Im,
	{"", "AffineGrid"}:    affineGrid,
	{ms, "Pad"}:           pad,

	// Selecting by position.
	{"", "GatherElements"}:    gatherElements,
	{"", "ScatterElements"}:   scatterElements,
	{"", "Scatter"}:           scatterElements,
	{"", "GatherND"}:          gatherND,
	{"", "ScatterND"}:         scatterND,
	{"", "OneHot"}:            oneHot,
	{"", "TopK"}:              topK,
	{"", "ArgMax"}:            argument,
	{"", "ArgMin"}:            argument,
	{"", "CumSum"}:            cumSum,
	{"", "CumProd"}:           cumSum,
	{"", "Trilu"}:             text("b.. #i #j -> b.. #i #j"),
	{ms, "Trilu"}:             text("b.. #i #j -> b.. #i #j"),
	{ms, "GatherND"}:          gatherND,
	{"", "Compress"}:          compress,
	{"", "NonZero"}:           text("#x.. -> #r #n"),
	{"", "NonMaxSuppression"}: text("#n #b #q, #n #c #b, ~, ~, ~ -> #k #r"),
	{"", "TensorScatter"}:     tensorScatter,
	{"", "Det"}:               text("b.. #i #j -> b.."),
	{ms, "Inverse"}:           text("b.. #i #j -> b.. #i #j, b.."),
	{"", "DFT"}:               fourier,
	{"", "STFT"}:              text("b.. #t #r, ~, ~, ~ -> b.. #m #f #q"),
	{"", "ReverseSequence"}:   reverseSequence,
	{"", "Shape"}:             text("x.. -> #r"),
	{"", "Size"}:              text("x.. -> "),
	{"", "ConstantOfShape"}:   generated,
	{"", "Range"}:             text("~, ~, ~ -> #n"),
	{"", "EyeLike"}:           eyeLike,

	// Reductions.
	{"", "ReduceMean"}: reduce, {"", "ReduceSum"}: reduce, {"", "ReduceMax"}: reduce, {"", "ReduceMin"}: reduce,
	{"", "ReduceProd"}: reduce, {"", "ReduceL1"}: reduce, {"", "ReduceL2"}: reduce, {"", "ReduceLogSum"}: reduce,
	{"", "ReduceLogSumExp"}: reduce, {"", "ReduceSumSquare"}: reduce,

	// Quantisation.
	{"", "QuantizeLinear"}:        quantize,
	{"", "DequantizeLinear"}:      quantize,
	{ms, "QuantizeLinear"}:        quantize,
	{ms, "DequantizeLinear"}:      quantize,
	{"", "DynamicQuantizeLinear"}: text("x.. -> x.., , ,"),

	// One value in, one out.
	{"", "CastLike"}:         text("x.., y.. -> x.."),
	{"", "Dropout"}:          text("x.. -> x.., x.."),
	{"", "Clip"}:             text("x.., , -> x.."),
	{"", "ImageScaler"}:      text("n #c s.. -> n #c s.."),
	{"", "Sin"}:              wave,
	{"", "Cos"}:              wave,
	{ms, "BiasGelu"}:         pointwise,
	{ms, "FastGelu"}:         pointwise,
	{ms, "QLinearAdd"}:       among(pointwise, 0, 3),
	{ms, "QLinearMul"}:       among(pointwise, 0, 3),
	{ms, "QLinearWhere"}:     among(pointwise, 0, 1, 4),
	{ms, "QLinearSigmoid"}:   among(text("x.. -> x.."), 0),
	{ms, "QLinearLeakyRelu"}: among(text("x.. -> x.."), 0),
	{"", "PRelu"}:            pointwise,
	{"", "Where"}:            pointwise,
	{"", "BitShift"}:         pointwise,
}

// unary operators work on every element by itself.
var unary = []opKey{
	{"", "Abs"}, {"", "Acos"}, {"", "Acosh"}, {"", "Affine"}, {"", "Asin"}, {"", "Asinh"}, {"", "Atan"}, {"", "Atanh"},
	{"", "BitwiseNot"}, {"", "Cast"}, {"", "Ceil"}, {"", "Celu"}, {"", "Cosh"}, {"", "Elu"}, {"", "Erf"}, {"", "Exp"},
	{"", "Floor"}, {"", "Gelu"}, {"", "HardSigmoid"}, {"", "HardSwish"}, {"", "Identity"}, {"", "IsInf"}, {"", "IsNaN"},
	{"", "LeakyRelu"}, {"", "Log"}, {"", "Mish"}, {"", "Neg"}, {"", "Not"}, {"", "ParametricSoftplus"}, {"", "Reciprocal"},
	{"", "Relu"}, {"", "Round"}, {"", "Scale"}, {"", "ScaledTanh"}, {"", "Selu"}, {"", "Shrink"}, {"", "Sigmoid"}, {"", "Sign"},
	{"", "Sinh"}, {"", "Softplus"}, {"", "Softsign"}, {"", "Sqrt"}, {"", "Swish"}, {"", "Tan"}, {"", "Tanh"},
	{"", "ThresholdedRelu"}, {ms, "Gelu"}, {ms, "QuickGelu"},
}

// broadcasting operators work on elements that numpy's rules bring together.
var broadcasting = []opKey{
	{"", "Add"}, {"", "And"}, {"", "BitwiseAnd"}, {"", "BitwiseOr"}, {"", "BitwiseXor"}, {"", "Div"}, {"", "Equal"},
	{"", "Greater"}, {"", "GreaterOrEqual"}, {"", "Less"}, {"", "LessOrEqual"}, {"", "Max"}, {"", "Mean"}, {"", "Min"},
	{"", "Mod"}, {"", "Mul"}, {"", "Or"}, {"", "Pow"}, {"", "Sub"}, {"", "Sum"}, {"", "Xor"},
}

// allRules is the whole table, one rule an operator.
func allRules() map[opKey]rule {
	all := maps.Clone(table)
	for _, k := range unary {
		all[k] = text("x.. -> x..")
	}
	for _, k := range broadcasting {
		all[k] = pointwise
	}
	return all
}

var rules = allRules()
