package onnxgraph

import "slices"

// reduceAxes is the rule of the Reduce operators: the axes are an attribute or
// input 1, all axes when none are given.
func reduceAxes(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	keep := c.attrInt("keepdims", 1) != 0
	axes, n, given := c.axesOf("axes", 1, len(dims))
	if !given || n == 0 {
		if c.attrInt("noop_with_empty_axes", 0) == 1 {
			c.set(0, dims...)
			return
		}
		axes, n = allAxes(len(dims)), len(dims)
	}
	switch {
	case axes != nil:
		c.set(0, reduced(dims, axes, keep)...)
	case keep:
		c.set(0, unknowns(len(dims))...)
	case n >= 0 && n <= len(dims):
		c.set(0, unknowns(len(dims)-n)...)
	}
}

// reduced returns dims with the axes reduced to 1, or taken out.
func reduced(dims []Dim, axes []int, keep bool) []Dim {
	var out []Dim
	for i, d := range dims {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keep:
			out = append(out, Size(1))
		}
	}
	return out
}

func allAxes(rank int) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// argReduce is the rule of ArgMax and ArgMin: one axis is reduced.
func argReduce(c operation) {
	dims, ok := c.shape(0)
	axis, in := normAxis(c.attrInt("axis", 0), len(dims))
	if ok && in {
		c.set(0, reduced(dims, []int{axis}, c.attrInt("keepdims", 1) != 0)...)
	}
}

// topK is the rule of TopK: k elements of one axis; k is input 1, before opset
// 10 an attribute.
func topK(c operation) {
	dims, ok := c.shape(0)
	axis, in := normAxis(c.attrInt("axis", -1), len(dims))
	if !ok || !in {
		return
	}
	out := slices.Clone(dims)
	out[axis] = c.scalar(1)
	if _, given := c.n.Attrs["k"]; given {
		out[axis] = Size(c.attrInt("k", 0))
	}
	c.set(0, out...)
	c.set(1, out...)
}

// oneHot is the rule of OneHot: a new axis of the depth, input 1.
func oneHot(c operation) {
	dims, ok := c.shape(0)
	axis, in := normAxis(c.attrInt("axis", -1), len(dims)+1)
	if ok && in {
		c.set(0, slices.Insert(slices.Clone(dims), axis, c.scalar(1))...)
	}
}

// det is the rule of Det: the two matrix axes are gone.
func det(c operation) {
	if dims, ok := c.shape(0); ok && len(dims) >= 2 {
		c.set(0, dims[:len(dims)-2]...)
	}
}

// loss is the rule of the losses: a scalar, or one number for each target.
func loss(c operation) {
	if c.attrString("reduction", "mean") == "none" {
		c.copy(0, 1)
	} else {
		c.set(0)
	}
	c.copy(1, 0)
}

// recurrent is the rule of RNN, GRU and LSTM: X is time, batch, input, or with
// layout 1 batch, time, input.
func recurrent(c operation) {
	time, batch := c.dim(0, 0), c.dim(0, 1)
	directions := Size(1)
	if c.attrString("direction", "forward") == "bidirectional" {
		directions = Size(2)
	}
	hidden := c.dim(2, 2)
	if h := c.attrInt("hidden_size", 0); h > 0 {
		hidden = Size(h)
	}
	if c.attrInt("layout", 0) == 1 {
		time, batch = batch, time
		c.set(0, batch, time, directions, hidden)
		c.set(1, batch, directions, hidden)
		c.set(2, batch, directions, hidden)
		return
	}
	c.set(0, time, directions, batch, hidden)
	c.set(1, directions, batch, hidden)
	c.set(2, directions, batch, hidden)
}

var reduceShapes = map[string]shapeRule{
	"ReduceL1": reduceAxes, "ReduceL2": reduceAxes, "ReduceLogSum": reduceAxes,
	"ReduceLogSumExp": reduceAxes, "ReduceMax": reduceAxes, "ReduceMean": reduceAxes,
	"ReduceMin": reduceAxes, "ReduceProd": reduceAxes, "ReduceSum": reduceAxes,
	"ReduceSumSquare": reduceAxes, "ArgMax": argReduce, "ArgMin": argReduce, "TopK": topK,
	"OneHot": oneHot, "Det": det, "NegativeLogLikelihoodLoss": loss, "SoftmaxCrossEntropyLoss": loss,
	"RNN": recurrent, "GRU": recurrent, "LSTM": recurrent,
}
