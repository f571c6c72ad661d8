package onnxgraph

import "slices"

// packedAttention is the rule of Attention and QAttention: input B,T,C and one
// weight C,(q+k+v); present is 2,B,heads,past+T,size.
func packedAttention(c operation) {
	batch, time := c.dim(0, 0), c.dim(0, 1)
	width := c.dim(1, 1).floorDiv(Size(3))
	if sizes, ok := c.attrInts("qkv_hidden_sizes"); ok && len(sizes) == 3 {
		width = Size(sizes[2])
	}
	c.set(0, batch, time, width)
	heads := Size(c.attrInt("num_heads", 0))
	past := 4
	if c.n.Op == "QAttention" {
		past = 8
	}
	span := time
	if c.in(past) != nil {
		span = span.Add(c.dim(past, 3))
	}
	c.set(1, Size(2), batch, heads, span, width.floorDiv(heads))
}

// multiHeadAttention is the rule of MultiHeadAttention: query B,T,C; value
// B,S,C or B,heads,S,size; or all three packed as B,T,heads,3,size.
func multiHeadAttention(c operation) {
	q, ok := c.shape(0)
	if !ok || len(q) < 3 {
		return
	}
	heads := Size(c.attrInt("num_heads", 0))
	out, width, span := slices.Clone(q[:2]), q[2], q[1]
	switch {
	case len(q) == 5:
		width = q[2].Mul(q[4])
	case c.rank(2) == 3:
		width, span = c.dim(2, 2), c.dim(2, 1)
	case c.rank(2) == 4:
		width, span = heads.Mul(c.dim(2, 3)), c.dim(2, 2)
	case c.in(1) != nil:
		width, span = Symbol(""), Symbol("")
	}
	c.set(0, append(out, width)...)
	if c.in(6) != nil {
		span = span.Add(c.dim(6, 2))
	}
	sizeK := width.floorDiv(heads)
	switch c.rank(1) {
	case 3:
		sizeK = c.dim(1, 2).floorDiv(heads)
	case 4:
		sizeK = c.dim(1, 3)
	}
	c.set(1, q[0], heads, span, sizeK)
	c.set(2, q[0], heads, span, width.floorDiv(heads))
}

// groupQueryAttention is the rule of GroupQueryAttention: query B,T,heads·size, or
// with key and value packed into it; the caches keep or grow their length.
func groupQueryAttention(c operation) {
	q, ok := c.shape(0)
	if !ok || len(q) != 3 {
		return
	}
	heads, kvHeads := c.attrInt("num_heads", 0), c.attrInt("kv_num_heads", 0)
	size := q[2].floorDiv(Size(heads))
	if c.in(1) == nil {
		size = q[2].floorDiv(Size(heads + 2*kvHeads))
	}
	c.set(0, q[0], q[1], size.Mul(Size(heads)))
	c.set(1, q[0], Size(kvHeads), Symbol(""), size)
	c.set(2, q[0], Size(kvHeads), Symbol(""), size)
}

// embedLayerNorm is the rule of EmbedLayerNormalization: ids B,T and a table of
// words; besides, one index for each of the batch and the sum before normalising.
func embedLayerNorm(c operation) {
	batch, time, width := c.dim(0, 0), c.dim(0, 1), c.dim(2, 1)
	c.set(0, batch, time, width)
	c.set(1, batch)
	c.set(2, batch, time, width)
}

// matMulNBits is the rule of products with a block-quantised matrix N×K.
func matMulNBits(c operation) {
	if dims, ok := c.shape(0); ok && len(dims) > 0 {
		c.set(0, append(slices.Clone(dims[:len(dims)-1]), Size(c.attrInt("N", 0)))...)
	}
}

// biasSplitGelu halves the last axis.
func biasSplitGelu(c operation) {
	if dims, ok := c.shape(0); ok && len(dims) > 0 {
		out := slices.Clone(dims)
		out[len(out)-1] = out[len(out)-1].floorDiv(Size(2))
		c.set(0, out...)
	}
}

// beamSearch visits the decoder; how many words come out is not known.
func beamSearch(c operation) {
	c.bodies()
	c.set(0, c.dim(0, 0), c.scalar(4), c.scalar(1))
}

// relativeBias is the rule of RelativePositionBias: 1,heads,queries,keys.
func relativeBias(c operation) { c.set(0, Size(1), c.dim(0, 1), c.scalar(1), c.scalar(2)) }

// distances is the rule of CDist: one for each row of either side.
func distances(c operation) { c.set(0, c.dim(0, 0), c.dim(1, 0)) }

// rfft halves the last axis and adds real and imaginary part.
func rfft(c operation) {
	if dims, ok := c.shape(0); ok && len(dims) > 0 {
		out := slices.Clone(dims)
		out[len(out)-1] = half(out[len(out)-1])
		c.set(0, append(out, Size(2))...)
	}
}

var contribShapes = map[string]shapeRule{
	"Attention": packedAttention, "QAttention": packedAttention,
	"MultiHeadAttention": multiHeadAttention, "GroupQueryAttention": groupQueryAttention,
	"EmbedLayerNormalization": embedLayerNorm, "QEmbedLayerNormalization": embedLayerNorm, "SkipLayerNormalization": skipLayerNorm,
	"SkipSimplifiedLayerNormalization": skipLayerNorm, "SimplifiedLayerNormalization": layerNorm,
	"BiasGelu": same, "FastGelu": same, "Gelu": same, "QuickGelu": same, "BiasSplitGelu": biasSplitGelu,
	"BiasSoftmax": same, "BiasDropout": sameAll, "BitmaskDropout": same, "GroupNorm": same,
	"SkipGroupNorm": same, "RotaryEmbedding": same, "Trilu": same, "Inverse": same,
	"ThresholdedRelu": same, "QuantizeLinear": same, "DequantizeLinear": same,
	"QLinearLeakyRelu": same, "QLinearSigmoid": same, "QLinearSoftmax": same, "Rfft": rfft,
	"BiasAdd": same, "QuantizeBFP": same, "Affine": same, "Crop": crop, "ImageScaler": same,
	"QLinearAdd": broadcastAt(0, 3), "QLinearMul": broadcastAt(0, 3), "QLinearWhere": broadcastAt(0, 1, 4),
	"FusedConv": conv(1), "NhwcFusedConv": nhwcConv, "NhwcConv": nhwcConv, "NhwcMaxPool": nhwcPool,
	"QLinearAveragePool": qlinearPool, "QLinearGlobalAveragePool": globalPool,
	"QLinearConcat": qlinearConcat, "FusedGemm": gemm(0, 1), "QGemm": gemm(0, 3),
	"FusedMatMul": fusedMatMul, "TransposeMatMul": fusedMatMul, "FusedMatMulActivation": fusedMatMul,
	"DynamicQuantizeMatMul": matmul(0, 1), "MatMulIntegerToFloat": matmul(0, 1),
	"MatMulInteger16": matmul(0, 1), "MatMulNBits": matMulNBits, "MatMulBnb4": matMulNBits,
	"MatMulFpQ4": matMulNBits, "BeamSearch": beamSearch, "Range": vector(rangeLength), "Pad": pad,
	"Unique": unique, "GatherND": gatherND, "GatherBlockQuantized": gatherBlocks, "MaxpoolWithMask": pool, "GridSample": gridSample,
	"DynamicQuantizeLSTM": recurrent, "RelativePositionBias": relativeBias, "CDist": distances,
}
