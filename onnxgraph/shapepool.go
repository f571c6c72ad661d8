package onnxgraph

// pool is the rule of pooling windows, channels first; indices, if asked for,
// have the shape of the result.
func pool(c operation) {
	dims, ok := c.shape(0)
	if !ok || len(dims) < 2 {
		return
	}
	kernel, given := c.attrInts("kernel_shape")
	if !given {
		c.set(0, append(dims[:2:2], unknowns(len(dims)-2)...)...)
		return
	}
	out := append(dims[:2:2], c.slideAll(dims[2:], sizesOf(kernel))...)
	c.set(0, out...)
	c.set(1, out...)
}

// nhwcPool is pool with the channels last.
func nhwcPool(c operation) {
	dims, ok := c.shape(0)
	kernel, given := c.attrInts("kernel_shape")
	if !ok || !given || len(dims) < 3 {
		return
	}
	out := append(dims[:1:1], c.slideAll(dims[1:len(dims)-1], sizesOf(kernel))...)
	c.set(0, append(out, dims[len(dims)-1])...)
}

// qlinearPool is a quantised AveragePool, its channels where an attribute says.
func qlinearPool(c operation) {
	if c.attrInt("channels_last", 0) == 1 {
		nhwcPool(c)
		return
	}
	pool(c)
}

// globalPool leaves one element of every spatial axis.
func globalPool(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	out := make([]Dim, len(dims))
	for i := range out {
		out[i] = Size(1)
		if i < 2 && c.attrInt("channels_last", 0) == 0 {
			out[i] = dims[i]
		}
	}
	if c.attrInt("channels_last", 0) == 1 && len(dims) > 1 {
		out[0], out[len(out)-1] = dims[0], dims[len(dims)-1]
	}
	c.set(0, out...)
}

// maxUnpool undoes MaxPool: in·stride against the kernel, or the shape asked for.
func maxUnpool(c operation) {
	dims, ok := c.shape(0)
	if !ok || len(dims) < 2 {
		return
	}
	if want, ok := c.ints(2); ok {
		c.set(0, want...)
		return
	}
	kernel, _ := c.attrInts("kernel_shape")
	ws, ok := c.windows(sizesOf(kernel))
	out := append(dims[:2:2], unknowns(len(dims)-2)...)
	for i := range out[2:] {
		if ok && i < len(ws) && c.in(2) == nil {
			out[2+i] = ws[i].grow(dims[2+i], 0)
		}
	}
	c.set(0, out...)
}

// roiPool gives every region of interest one pooled picture: rois are input 1,
// their number its first axis.
func roiPool(size func(c operation) []Dim) shapeRule {
	return func(c operation) {
		c.set(0, append([]Dim{c.dim(1, 0), c.dim(0, 1)}, size(c)...)...)
	}
}

func roiAlignSize(c operation) []Dim {
	return sizesOf([]int64{c.attrInt("output_height", 1), c.attrInt("output_width", 1)})
}

func maxRoiPoolSize(c operation) []Dim {
	size, ok := c.attrInts("pooled_shape")
	if !ok {
		return unknowns(2)
	}
	return sizesOf(size)
}

// batchNorm keeps the shape; statistics, if asked for, have that of the scale.
func batchNorm(c operation) {
	c.copy(0, 0)
	for i := 1; i < len(c.n.Outputs); i++ {
		c.copy(i, 1)
	}
}

// layerNorm keeps the shape; mean and deviation have size 1 from axis on.
func layerNorm(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	c.set(0, dims...)
	axis, ok := normAxis(c.attrInt("axis", -1), len(dims))
	if !ok {
		return
	}
	inner := append([]Dim(nil), dims...)
	for i := axis; i < len(inner); i++ {
		inner[i] = Size(1)
	}
	c.set(1, inner...)
	c.set(2, inner...)
}

// skipLayerNorm is layerNorm of a sum; output 3 is the sum.
func skipLayerNorm(c operation) {
	layerNorm(c)
	c.copy(3, 0)
}

var convShapes = map[string]shapeRule{
	"Conv": conv(1), "ConvInteger": conv(1), "QLinearConv": conv(3), "DeformConv": conv(1),
	"ConvTranspose": convTranspose,
	"MaxPool":       pool, "AveragePool": pool, "LpPool": pool,
	"GlobalAveragePool": globalPool, "GlobalMaxPool": globalPool, "GlobalLpPool": globalPool,
	"MaxUnpool": maxUnpool, "RoiAlign": roiPool(roiAlignSize), "MaxRoiPool": roiPool(maxRoiPoolSize),
	"BatchNormalization": batchNorm, "LayerNormalization": layerNorm,
	"SimplifiedLayerNormalization": layerNorm,
}
