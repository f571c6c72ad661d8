package onnxgraph

import "slices"

// dft is the rule of DFT: the axis takes the length asked for, half of it and
// one when onesided; the last axis holds real and imaginary part. The inverse
// of a onesided transform is real.
func dft(c operation) {
	dims, ok := c.shape(0)
	if !ok || len(dims) == 0 {
		return
	}
	at := Size(c.attrInt("axis", 1))
	if c.n.Version >= 20 {
		at = Size(-2)
		if c.in(2) != nil {
			at = c.scalar(2)
		}
	}
	onesided, inverse := c.attrInt("onesided", 0) == 1, c.attrInt("inverse", 0) == 1
	parts := Size(2)
	if onesided && inverse {
		parts = Size(1)
	}
	out := append(slices.Clone(dims[:len(dims)-1]), parts)
	a, known := at.Known()
	axis, in := normAxis(a, len(dims))
	switch {
	case !known || !in:
		out = append(unknowns(len(dims)-1), parts)
	case c.in(1) != nil:
		out[axis] = c.scalar(1)
	case onesided && inverse:
		out[axis] = dims[axis].Sub(Size(1)).Mul(Size(2))
	}
	if known && in && onesided && !inverse {
		out[axis] = half(out[axis])
	}
	c.set(0, out...)
}

// half returns the number of frequencies of a real signal, ⌊n/2⌋+1.
func half(n Dim) Dim { return n.floorDiv(Size(2)).Add(Size(1)) }

// stft is the rule of STFT: batch, frames, frequencies, 2. The frame length is
// that of the window when not given.
func stft(c operation) {
	length := c.scalar(3)
	if c.in(2) != nil {
		length = unify(length, c.dim(2, 0))
	}
	bins := length
	if c.attrInt("onesided", 1) == 1 {
		bins = half(length)
	}
	frames := c.dim(0, 1).Sub(length).floorDiv(c.scalar(1)).Add(Size(1))
	c.set(0, c.dim(0, 0), frames, bins, Size(2))
}

// melWeights is the rule of MelWeightMatrix: frequencies by mel bins.
func melWeights(c operation) { c.set(0, half(c.scalar(1)), c.scalar(0)) }

// tfIdf is the rule of TfIdfVectorizer: the last axis counts n-grams.
func tfIdf(c operation) {
	dims, ok := c.shape(0)
	index, _ := c.attrInts("ngram_indexes")
	if ok && len(dims) > 0 && len(index) > 0 {
		c.set(0, append(slices.Clone(dims[:len(dims)-1]), Size(slices.Max(index)+1))...)
	}
}

// stringSplit is the rule of StringSplit: a new axis of unknown size, and how
// many parts each text has.
func stringSplit(c operation) {
	if dims, ok := c.shape(0); ok {
		c.set(0, append(slices.Clone(dims), Symbol(""))...)
		c.set(1, dims...)
	}
}

// stringNormalizer is the rule of StringNormalizer: words may be left out.
func stringNormalizer(c operation) {
	switch c.rank(0) {
	case 1:
		c.set(0, Symbol(""))
	case 2:
		c.set(0, Size(1), Symbol(""))
	}
}

// attentionCore is the rule of Attention as ONNX has it from opset 23 on: Q, K, V are
// batch, heads, time, size, or batch, time, heads·size.
func attentionCore(c operation) {
	q, okQ := c.shape(0)
	v, okV := c.shape(2)
	if !okQ || !okV || len(q) != len(v) || len(q) != 3 && len(q) != 4 {
		return
	}
	heads, kvHeads := Size(c.attrInt("q_num_heads", 0)), Size(c.attrInt("kv_num_heads", 0))
	time, span := c.dim(0, -2), c.dim(1, -2)
	sizeK, sizeV := c.dim(1, -1), c.dim(2, -1)
	if len(q) == 4 {
		heads, kvHeads = q[1], v[1]
		c.set(0, q[0], heads, time, sizeV)
	} else {
		sizeK, sizeV = sizeK.floorDiv(kvHeads), sizeV.floorDiv(kvHeads)
		c.set(0, q[0], time, heads.Mul(sizeV))
	}
	if c.in(4) != nil {
		span = span.Add(c.dim(4, 2))
	}
	c.set(1, q[0], kvHeads, span, sizeK)
	c.set(2, q[0], kvHeads, span, sizeV)
	c.set(3, q[0], heads, time, span)
}

var signalShapes = map[string]shapeRule{
	"DFT": dft, "STFT": stft, "MelWeightMatrix": melWeights, "TfIdfVectorizer": tfIdf,
	"StringSplit": stringSplit, "StringNormalizer": stringNormalizer, "Attention": attentionCore,
}
