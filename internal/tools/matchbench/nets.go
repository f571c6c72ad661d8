package main

// dense is x·W + b, on the last axis.
func (n *net) dense(x string, in, out int64) string {
	y := n.op("MatMul", []string{x, n.weight(int(in), in, out)})
	return n.op("Add", []string{y, n.weight(100, out)})
}

// conv is a convolution without bias and a normalization.
func (n *net) conv(x string, in, out, kernel, stride int64) string {
	return n.grouped(x, in, out, kernel, stride, 1)
}

// grouped is conv with channels in groups.
func (n *net) grouped(x string, in, out, kernel, stride, groups int64) string {
	p := kernel / 2
	y := n.op("Conv", []string{x, n.weight(int(in/groups*kernel*kernel), out, in/groups, kernel, kernel)}, "group", int(groups),
		"kernel_shape", []int64{kernel, kernel}, "strides", []int64{stride, stride}, "pads", []int64{p, p, p, p})
	return n.op("BatchNormalization", []string{y, n.weight(100, out), n.weight(100, out), n.weight(100, out), n.weight(0, out)})
}

func (n *net) relu(x string) string { return n.op("Relu", []string{x}) }

func (n *net) mlp(in, width, out int64) {
	x := n.input(1, in)
	for range 3 {
		x = n.relu(n.dense(x, in, width))
		in = width
	}
	n.output(n.dense(x, width, out), 1, out)
}

// head averages over the image and classifies.
func (n *net) head(x string, width, classes int64) {
	x = n.op("Flatten", []string{n.op("GlobalAveragePool", []string{x})})
	n.output(n.op("Gemm", []string{x, n.weight(int(width), classes, width), n.weight(100, classes)}, "transB", 1), 1, classes)
}

// resnet20 is the network of He et al. (2015) for images of 32 by 32.
func (n *net) resnet20(width int64) {
	x := n.relu(n.conv(n.input(1, 3, 32, 32), 3, width, 3, 1))
	in := width
	for stage := range int64(3) {
		out := width << stage
		for block := range 3 {
			stride, skip := int64(1), x
			if block == 0 && stage > 0 {
				stride, skip = 2, n.conv(x, in, out, 1, 2)
			}
			y := n.relu(n.conv(x, in, out, 3, stride))
			x, in = n.relu(n.op("Add", []string{n.conv(y, out, out, 3, 1), skip})), out
		}
	}
	n.head(x, in, 10)
}

// resnet50 has the shapes of torchvision's.
func (n *net) resnet50() { n.bottlenecks([]int{3, 4, 6, 3}, 64, 256, 1) }

// resnext50 has the shapes of torchvision's, 32 groups of 4 channels and more.
func (n *net) resnext50() { n.bottlenecks([]int{3, 4, 6, 3}, 128, 256, 32) }

// resnext14 has one block a stage of those of ResNeXt, 16 groups of 4 channels and more.
func (n *net) resnext14() { n.bottlenecks([]int{1, 1, 1, 1}, 64, 256, 16) }

// bottlenecks is a residual network of four stages of blocks; those of the first are mid channels wide, and out where
// they end.
func (n *net) bottlenecks(stages []int, mid, out, groups int64) {
	x := n.relu(n.conv(n.input(1, 3, 224, 224), 3, 64, 7, 2))
	x = n.op("MaxPool", []string{x}, "kernel_shape", []int64{3, 3}, "strides", []int64{2, 2}, "pads", []int64{1, 1, 1, 1})
	in := int64(64)
	for stage, blocks := range stages {
		mid, out := mid<<stage, out<<stage
		for block := range blocks {
			stride, skip := int64(1), x
			if block == 0 {
				if stage > 0 {
					stride = 2
				}
				skip = n.conv(x, in, out, 1, stride)
			}
			y := n.relu(n.conv(x, in, mid, 1, 1))
			y = n.relu(n.grouped(y, mid, mid, 3, stride, groups))
			x, in = n.relu(n.op("Add", []string{n.conv(y, mid, out, 1, 1), skip})), out
		}
	}
	n.head(x, in, 1000)
}

// norm is a layer normalization.
func (n *net) norm(x string, width int64) string {
	return n.op("LayerNormalization", []string{x, n.weight(0, width), n.weight(100, width)}, "axis", -1)
}

// vit is a vision transformer on 196 patches of 16 by 16.
func (n *net) vit(layers int, heads, width int64) {
	x := n.op("Conv", []string{n.input(1, 3, 224, 224), n.weight(768, width, 3, 16, 16), n.weight(100, width)},
		"kernel_shape", []int64{16, 16}, "strides", []int64{16, 16})
	x = n.op("Transpose", []string{n.op("Reshape", []string{x, n.ints(1, width, 196)})}, "perm", []int64{0, 2, 1})
	x = n.op("Add", []string{x, n.weight(100, 1, 196, width)})
	for range layers {
		x = n.op("Add", []string{x, n.attention(n.norm(x, width), heads, width)})
		y := n.op("Sigmoid", []string{n.dense(n.norm(x, width), width, 4*width)})
		x = n.op("Add", []string{x, n.dense(y, 4*width, width)})
	}
	x = n.op("ReduceMean", []string{n.norm(x, width)}, "axes", []int64{1}, "keepdims", 0)
	n.output(n.dense(x, width, 1000), 1, 1000)
}

func (n *net) attention(x string, heads, width int64) string {
	part := func(perm ...int64) string {
		y := n.op("Reshape", []string{n.dense(x, width, width), n.ints(1, 196, heads, width/heads)})
		return n.op("Transpose", []string{y}, "perm", perm)
	}
	q, k, v := part(0, 2, 1, 3), part(0, 2, 3, 1), part(0, 2, 1, 3)
	y := n.op("MatMul", []string{n.op("Softmax", []string{n.op("MatMul", []string{q, k})}, "axis", -1), v})
	y = n.op("Transpose", []string{y}, "perm", []int64{0, 2, 1, 3})
	return n.dense(n.op("Reshape", []string{y, n.ints(1, 196, width)}), width, width)
}
