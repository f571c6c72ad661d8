package onnxgraph

import (
	"strings"
	"testing"
)

// ruleCases is one call and the shapes of its outputs for every operator that
// has a rule; several operators with the same rule share one, before a "|".
var ruleCases = []struct{ call, want string }{
	// element by element
	{`Abs Acos Acosh Asin Asinh Atan Atanh Bernoulli BitCast BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh
		CumProd CumSum Elu Erf Exp EyeLike Floor Gelu Hardmax HardSigmoid HardSwish Identity ImageScaler
		IsInf IsNaN LeakyRelu Log LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish Neg Not
		OptionalGetElement ParametricSoftplus RandomNormalLike RandomUniformLike Reciprocal RegexFullMatch
		Relu Round ScaledTanh Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan
		Tanh ThresholdedRelu Trilu Affine Scale GivenTensorFill TensorScatter|(N 3 h)`, "N 3 h"},
	{`ms.BiasGelu ms.FastGelu ms.Gelu ms.QuickGelu ms.BiasSoftmax ms.BitmaskDropout ms.GroupNorm
		ms.SkipGroupNorm ms.RotaryEmbedding ms.Trilu ms.Inverse ms.ThresholdedRelu ms.QuantizeLinear
		ms.DequantizeLinear ms.QLinearLeakyRelu ms.QLinearSigmoid ms.QLinearSoftmax ms.BiasAdd
		ms.QuantizeBFP ms.Affine ms.ImageScaler|(N t 8, 8)`, "N t 8"},
	{`ml.Normalizer ml.Scaler ml.Imputer ml.Binarizer ml.LabelEncoder ml.CategoryMapper|(N 13)`, "N 13"},
	{`Dropout ms.BiasDropout|y, mask = (N 8)`, "N 8, N 8"},
	{`QuantizeLinear DequantizeLinear PRelu InstanceNormalization GroupNormalization RotaryEmbedding
		RMSNormalization ReverseSequence|(N 8 t, 8, 8)`, "N 8 t"},
	{`Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual
		Max Mean Min Mod Mul Or Pow StringConcat Sub Sum Xor|(N 1 t, h 1)`, "N h t"},
	{"Where(1 t, N 1 1, .)", "N 1 t"},
	{"Add(a 4, b 1)", "bcast(a,b) 4"},
	{"Add(a 4, 4 4)", "4 4"},
	{"Add(?, 4)", "?"},
	{"Add:6(N 8 h, 8) broadcast=1 axis=1", "N 8 h"},
	{"y, scale, zero = DynamicQuantizeLinear(N 3)", "N 3, ., ."},
	// windows
	{"Conv(N 3 h 32, 8 3 3 3) pads=1,1,1,1 strides=2,2", "N 8 ⌊(h+1)/2⌋ 16"},
	{"Conv(N 3 h 32, 8 3 3 3)", "N 8 (h-2) 30"},
	{"Conv(N 3 h 9, 8 3 3 3) auto_pad=SAME_UPPER strides=2,2", "N 8 ⌊(h+1)/2⌋ 5"},
	{"Conv(N 3 9, 8 3 3) auto_pad=VALID pads=1,1 dilations=2,", "N 8 5"},
	{"Conv(?, 8 3 3 3)", "_ 8 _ _"},
	{"ConvInteger(N 3 8 8, 8 3 3 3)", "N 8 6 6"},
	{"DeformConv(N 3 8 8, 8 3 3 3, N 18 6 6)", "N 8 6 6"},
	{"QLinearConv(N 3 8 8, ., ., 8 3 1 1, 8, 8, ., .)", "N 8 8 8"},
	{"ms.FusedConv(N 3 8 8, 8 3 3 3) activation=Relu", "N 8 6 6"},
	{"ms.NhwcConv ms.NhwcFusedConv|(N 8 8 3, 5 3 3 3)", "N 6 6 5"},
	{"ConvTranspose(N 8 h, 8 3 4) strides=2, pads=1,1 group=2", "N 6 2·h"},
	{"ConvTranspose(N 8 5 5, 8 3 3 3) output_shape=11,11", "N 3 11 11"},
	{"ConvTranspose(N 8 5 5, 8 3 3 3) strides=2,2 output_padding=1,0", "N 3 12 11"},
	{"ConvTranspose(N 8 5 5, 8 3 3 3) strides=2,2 auto_pad=SAME_LOWER", "N 3 10 10"},
	{"y, i = MaxPool(N 3 h 7) kernel_shape=2,2 strides=2,2", "N 3 ⌊h/2⌋ 3, N 3 ⌊h/2⌋ 3"},
	{"AveragePool LpPool ms.QLinearAveragePool ms.MaxpoolWithMask|(N 3 h 7) kernel_shape=2,2 strides=2,2 ceil_mode=1",
		"N 3 ⌊(h+1)/2⌋ 4"},
	{"MaxPool(N 3 h 4) kernel_shape=1,1 strides=2,3 ceil_mode=1", "N 3 _ 2"},
	{"ms.QLinearAveragePool(N 6 6 3) kernel_shape=2,2 channels_last=1", "N 5 5 3"},
	{"ms.NhwcMaxPool(N 6 6 3) kernel_shape=2,2", "N 5 5 3"},
	{"GlobalAveragePool GlobalMaxPool GlobalLpPool ms.QLinearGlobalAveragePool|(N 3 h 7)", "N 3 1 1"},
	{"ms.QLinearGlobalAveragePool(N 7 7 3) channels_last=1", "N 1 1 3"},
	{"MaxUnpool(1 1 2 2, 1 1 2 2) kernel_shape=2,2 strides=2,2", "1 1 4 4"},
	{"MaxUnpool(1 1 2 2, 1 1 2 2, [1 1 5 5]) kernel_shape=2,2", "1 1 5 5"},
	{"RoiAlign(N 3 9 9, r 4, r) output_height=2 output_width=3", "r 3 2 3"},
	{"MaxRoiPool(N 3 9 9, r 5) pooled_shape=2,3", "r 3 2 3"},
	// normalisation
	{"y, mean = BatchNormalization(N 3 h, 3, 3, 3, 3)", "N 3 h, 3"},
	{"y, mean, dev = LayerNormalization SimplifiedLayerNormalization ms.SimplifiedLayerNormalization|(N t 8, 8)",
		"N t 8, N t 1, N t 1"},
	{"y, m, d, sum = ms.SkipLayerNormalization ms.SkipSimplifiedLayerNormalization|(N t 8, N t 8, 8)",
		"N t 8, N t 1, N t 1, N t 8"},
	// products
	{"MatMul MatMulInteger ms.DynamicQuantizeMatMul ms.MatMulIntegerToFloat ms.MatMulInteger16|(b 1 t 8, h 8 5)",
		"b h t 5"},
	{"MatMul(8, N 8 5)", "N 5"},
	{"MatMul(N 5 8, 8)", "N 5"},
	{"MatMul(8, 8)", "."},
	{"QLinearMatMul(N 4, ., ., 4 5, ., ., ., .)", "N 5"},
	{"Gemm ms.FusedGemm|(8 N, 5 8, 5) transA=1 transB=1", "N 5"},
	{"ms.QGemm(N 8, ., ., 8 5, ., .)", "N 5"},
	{"ms.FusedMatMul ms.TransposeMatMul ms.FusedMatMulActivation|(N 8 t, N 5 8) transA=1 transB=1", "N t 5"},
	{"ms.MatMulNBits ms.MatMulBnb4 ms.MatMulFpQ4|(N t 8, 100) K=8 N=5", "N t 5"},
	{"ms.GatherBlockQuantized(9 8, N t, 9 1) block_size=16 bits=8", "N t 8"},
	{"Einsum(b h i d, b h j d) equation=bhid,bhjd->bhij", "b h i j"},
	{"Einsum(N 2 3, 3 5) equation=...ij,jk", "N 2 5"},
	{"Einsum(3 3) equation=ii", "."},
	// shapes
	{"Reshape(N 3 4, [0 -1])", "N 12"},
	{"Reshape(N 3 4, [2 -1])", "2 6·N"},
	{"Reshape(N 3 h, [-1 5])", "⌊3·N·h/5⌋ 5"},
	{"Reshape(N 3 4, int64 2)", "_ _"},
	{"Reshape(0 3, [0 3]) allowzero=1", "0 3"},
	{"Reshape:1(N 3 4) shape=0,12", "N 12"},
	{"Reshape(?, [0 12])", "_ 12"},
	{"Transpose(a b c) perm=1,0,2", "b a c"},
	{"Transpose(a b c)", "c b a"},
	{"Flatten(N 3 4)", "N 12"},
	{"Flatten(N 3 4) axis=-1", "3·N 4"},
	{"Flatten(N 3 4) axis=0", "1 12·N"},
	{"Flatten(?)", "_ _"},
	{"Squeeze(1 N 1, [0 -1])", "N"},
	{"Squeeze:11(1 N 1) axes=2,", "1 N"},
	{"Squeeze(1 3 1)", "3"},
	{"Squeeze(1 N 1)", "?"},
	{"Squeeze(1 N 1, int64 2)", "_"},
	{"Unsqueeze(N 3, [0 -1])", "1 N 3 1"},
	{"Unsqueeze:11(N 3) axes=1,", "N 1 3"},
	{"Unsqueeze(N 3, int64 1)", "_ _ _"},
	{"Expand(N 1 3, [2 1 4 1])", "2 N 4 3"},
	{"Expand(N 1, int64 2)", "_ _"},
	{"Tile(N 3, [1 2])", "N 6"},
	{"Tile(N 3, int64 2)", "_ _"},
	{"Shape(N 3 4)", "3"},
	{"Shape(N 3 4) start=-2", "2"},
	{"Size OptionalHasElement SequenceLength|(N 3)", "."},
	{"ConstantOfShape([2 3])", "2 3"},
	{"ConstantOfShape(int64 2)", "_ _"},
	{"Range ms.Range|(#2, #9, #3)", "3"},
	{"Range(#9, #2, #-3)", "3"},
	{"Range(#0., #1., #.3)", "4"},
	{"Range(#2, #2, #1)", "0"},
	// slices and joins
	{"Slice(9 N 7, [1 -3], [-1 100], [0 2])", "7 N 3"},
	{"Slice(9 N, [-1], [-100], [0], [-2])", "5 N"},
	{"Slice(N h, [1], [9223372036854775807], [1])", "N (h-1)"},
	{"Slice(N h, [0], [-2], [1])", "N (h-2)"},
	{"Slice(N h, [0], [5], [1])", "N min(5,h)"},
	{"Slice(N h, [0], [1], [1])", "N 1"},
	{"Slice(N h, [3], [4], [1])", "N 1"},
	{"Slice(N h, [-1], [-9223372036854775807], [1], [-1])", "N h"},
	{"Slice:9(9 8) starts=1, ends=4, axes=1,", "9 3"},
	{"Slice:9(9 8) starts=1,2 ends=4,8", "3 6"},
	{"Slice(N h, int64 1, int64 1, [1])", "N _"},
	{"Slice(N h, int64 1, int64 1, int64 1)", "_ _"},
	{"Pad ms.Pad|(N 3 h, [0 1 2 0 1 3])", "N 5 (h+5)"},
	{"Pad(N 3 h, [2 -1], -, [-1])", "N 3 (h+1)"},
	{"Pad:2(N 3) pads=0,1,0,1", "N 5"},
	{"Concat(N 3, N 4, N c) axis=-1", "N (c+7)"},
	{"Concat(N 3, 2 4) axis=1", "2 7"},
	{"Concat(N 3, ?) axis=1", "N _"},
	{"ms.QLinearConcat(., ., N 3, ., ., N 4, ., .) axis=1", "N 7"},
	{"a, b = Split(N 6) axis=1", "N 3, N 3"},
	{"a, b, c = Split(N 7) axis=1 num_outputs=3", "N 3, N 3, N 1"},
	{"a, b = Split(N 6, [2 4]) axis=1", "N 2, N 4"},
	{"a, b = Split:11(N 6) axis=1 split=2,4", "N 2, N 4"},
	{"a, b = Split:13(h 6)", "⌊h/2⌋ 6, ⌊h/2⌋ 6"},
	{"Gather(100 8, int64 N t)", "N t 8"},
	{"Gather(N 8 4, #1) axis=1", "N 4"},
	{"GatherElements(N 8, N 3)", "N 3"},
	{"GatherND ms.GatherND|(N 4 5, N 7 2)", "N 7 5"},
	{"GatherND(N 4 5, N 7 1) batch_dims=1", "N 7 5"},
	{"Scatter ScatterElements ScatterND|(N 8, 3 1, 3)", "N 8"},
	{"NonZero(N 8)", "2 _"},
	{"NonZero([0 3 0 4])", "1 2"},
	{"Compress(N 8, [1 0 1]) axis=1", "N 2"},
	{"Compress(N 8, bool k)", "_"},
	{"y, i, j = Unique ms.Unique|(N 8) axis=1", "N _, _, _"},
	{"Unique(N 8)", "_"},
	// reductions
	{`ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
		ReduceSumSquare|(N 3 h, [-1 1])`, "N 1 1"},
	{"ReduceMean:13(N 3 h) axes=1, keepdims=0", "N h"},
	{"ReduceSum(N 3 h)", "1 1 1"},
	{"ReduceSum(N 3 h, []) noop_with_empty_axes=1", "N 3 h"},
	{"ReduceSum(N 3 h, int64 2) keepdims=0", "_"},
	{"ArgMax ArgMin|(N 3 h) axis=1 keepdims=0", "N h"},
	{"values, indices = TopK(N 9, [4])", "N 4, N 4"},
	{"values, indices = TopK:1(N 9) k=4", "N 4, N 4"},
	{"OneHot(N t, #5, 2)", "N t 5"},
	{"OneHot(N t, #5, 2) axis=0", "5 N t"},
	{"Det(N 3 3)", "N"},
	{"y, p = NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss|(N 5 t, int64 N t) reduction=none", "N t, N 5 t"},
	{"SoftmaxCrossEntropyLoss(N 5, int64 N)", "."},
	{"Multinomial(N 5) sample_size=3", "N 3"},
	{"RandomNormal RandomUniform|() shape=2,3", "2 3"},
	{"Constant() value_ints=1,2,3", "3"},
	{"Constant() value_float=1.5", "."},
	{"y, h, c = RNN GRU LSTM ms.DynamicQuantizeLSTM|(t N 8, 2 20 8, 2 20 5) hidden_size=5 direction=bidirectional",
		"t 2 N 5, 2 N 5, 2 N 5"},
	{"y, h = GRU(N t 8, 1 15 8, 1 15 5) layout=1", "N t 1 5, N 1 5"},
	// images and signals
	{"Resize(N 3 h 7, -, [1. 1. 2. .5])", "N 3 2·h 3"},
	{"Resize:10 Upsample:9|(N 3 h 7, [1. 1. 2. .5])", "N 3 2·h 3"},
	{"Resize(N 3 h w, -, -, [1 3 8 9])", "1 3 8 9"},
	{"Resize(N 3 h w, -, -, [8 9]) axes=2,3", "N 3 8 9"},
	{"Resize(N 3 8 4, -, -, [6 6]) axes=2,3 keep_aspect_ratio_policy=not_larger", "N 3 6 3"},
	{"Resize(N 3 8 4, -, -, [6 6]) axes=2,3 keep_aspect_ratio_policy=not_smaller", "N 3 12 6"},
	{"Upsample:7(N 3 h w) scales=1.,1.,2.,3.", "N 3 2·h 3·w"},
	{"Upsample:1(N 3 h w) height_scale=2. width_scale=3.", "N 3 2·h 3·w"},
	{"DepthToSpace(N 8 h w) blocksize=2", "N 2 2·h 2·w"},
	{"SpaceToDepth(N 2 h 6) blocksize=2", "N 8 ⌊h/2⌋ 3"},
	{"GridSample ms.GridSample|(N 3 8 8, N 5 6 2)", "N 3 5 6"},
	{"AffineGrid(2 2 3, [2 3 5 6])", "2 5 6 2"},
	{"Col2Im(N 12 9, [5 6], [2 2])", "N 3 5 6"},
	{"CenterCropPad(N 3 h, [5 7]) axes=1,2", "N 5 7"},
	{"Crop ms.Crop|(N 3 h 20) border=1,2,3,4", "N 3 (h-6) 16"},
	{"Crop(N 3 h 20) border=1,2,3,4 scale=5,6", "N 3 5 6"},
	{"NonMaxSuppression(1 9 4, 1 2 9)", "_ 3"},
	{"ImageDecoder(uint8 n)", "_ _ _"},
	{"DFT(N t 1)", "N t 2"},
	{"DFT(N t 1) onesided=1", "N (⌊t/2⌋+1) 2"},
	{"DFT:17(N 10 1, #16) axis=1 onesided=1", "N 9 2"},
	{"STFT(N 100 1, #10, 20, #20)", "N 9 11 2"},
	{"MelWeightMatrix(#8, #16, #8000, #0., #4000.)", "9 8"},
	{"HannWindow HammingWindow BlackmanWindow|(#10)", "10"},
	{"TfIdfVectorizer(int64 N t) ngram_indexes=0,4,2", "N 5"},
	{"y, n = StringSplit(N)", "N _, N"},
	{"StringNormalizer(N)", "_"},
	// attention
	{"y, k, v, qk = Attention(N t 64, N s 32, N s 48) q_num_heads=4 kv_num_heads=2",
		"N t 96, N 2 s 16, N 2 s 24, N 4 t s"},
	{"y, k = Attention(N 4 t 16, N 2 s 16, N 2 s 24, -, N 2 p 16, N 2 p 24)", "N 4 t 24, N 2 (p+s) 16"},
	{"y, p = ms.Attention ms.QAttention|(N t 8, 8 24, 24) num_heads=2", "N t 8, 2 N 2 t 4"},
	{"y, p = ms.Attention(N t 8, 8 20, 20, -, 2 N 2 p 4) num_heads=2 qkv_hidden_sizes=8,8,4", "N t 4, 2 N 2 (p+t) 2"},
	{"y, k, v = ms.MultiHeadAttention(N t 8, N s 8, N s 6) num_heads=2", "N t 6, N 2 s 4, N 2 s 3"},
	{"ms.MultiHeadAttention(N t 2 3 4) num_heads=2", "N t 8"},
	{"y, k = ms.MultiHeadAttention(N t 8, N 2 s 4, N 2 s 3) num_heads=2", "N t 6, N 2 s 4"},
	{"y, k = ms.GroupQueryAttention(N t 32, N t 16, N t 16) num_heads=4 kv_num_heads=2", "N t 32, N 2 _ 8"},
	{"ms.GroupQueryAttention(N t 64) num_heads=4 kv_num_heads=2", "N t 32"},
	{"y, m = ms.EmbedLayerNormalization(int64 N t, -, 100 8, 50 8)", "N t 8, N"},
	{"ms.QEmbedLayerNormalization(N t, N t, 9 8, 5 8, 2 8, 8, 8, -)", "N t 8"},
	{"ms.RelativePositionBias(8 3, [4], [5])", "1 3 4 5"},
	{"ms.CDist(N 3, 4 3)", "N 4"},
	{"ms.BiasSplitGelu(N t 8, 8)", "N t 4"},
	{"ms.Rfft(N 10)", "N 6 2"},
	{"ms.QLinearAdd ms.QLinearMul|(N 1, ., ., h, ., ., ., .)", "N h"},
	{"ms.QLinearWhere(1 t, N 1, ., ., ., ., ., ., .)", "N t"},
	{"ms.BeamSearch(int64 N t, #20, #1, #2, #3)", "N 3 20"},
	// ai.onnx.ml
	{"y, p = ml.LinearClassifier ml.TreeEnsembleClassifier|(N 13) classlabels_ints=0,1,2", "N, N 3"},
	{"y, p = ml.SVMClassifier(N 13) classlabels_ints=0,1,2", "N, N _"},
	{"ml.LinearRegressor(N 13) targets=2", "N 2"},
	{"ml.TreeEnsembleRegressor ml.TreeEnsemble|(N 13) n_targets=2", "N 2"},
	{"ml.SVMRegressor(13)", "1 1"},
	{"ml.OneHotEncoder(N 1) cats_int64s=4,5,6", "N 1 3"},
	{"ml.FeatureVectorizer(N 2, N 3) inputdimensions=2,3", "N 5"},
	{"ml.ArrayFeatureExtractor(N 13, int64 4)", "N 4"},
	{"ml.ArrayFeatureExtractor(13, int64 4)", "1 4"},
	// nothing is known of what an unknown operator gives
	{"Frobnicate(N 3)", "?"},
}

// Every rule gives the shapes its operator's page tells, and every rule is seen.
func TestShapeRules(t *testing.T) {
	seen := map[opKey]bool{}
	for _, c := range ruleCases {
		for _, line := range expandCase(c.call) {
			g := parseGraph(t, line)
			s := g.infer()
			n := g.graph.Nodes[0]
			seen[n.key()] = true
			var got []string
			for _, v := range n.Outputs {
				got = append(got, shapeText(s, v))
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("%s gives %s, want %s", line, text, c.want)
			}
		}
	}
	for key := range shapeRules {
		if _, body := controlShapes[key.op]; !seen[key] && !body {
			t.Errorf("no case for %v", key)
		}
	}
}

// expandCase writes a case for several operators out, one line each.
func expandCase(call string) []string {
	ops, args, many := strings.Cut(call, "|")
	if !many {
		return []string{call}
	}
	left, list, ok := strings.Cut(ops, " = ")
	if !ok {
		if i := strings.Index(args, " = "); i >= 0 {
			left, list, args = args[:i], ops, args[i+3:]
		} else {
			left, list = "y", ops
		}
	}
	var lines []string
	for op := range strings.FieldsSeq(list) {
		lines = append(lines, left+" = "+op+args)
	}
	return lines
}
