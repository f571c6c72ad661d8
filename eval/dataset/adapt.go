package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// adapter makes an input of the rows of an array.
type adapter struct {
	dtype     onnxgraph.DataType // wanted; Undefined leaves the numbers alone
	scale     float64
	row       []int // wanted shape of one sample
	axes      []int // order in which the stored axes of a sample are laid out; nil: as they are
	channel   int   // axis of row that Mean and Std run along, -1: a single channel
	mean, std []float64
	whole     bool // the array is the input, for every batch
	single    bool // the input has no axis of samples
}

// adapt finds how array a becomes input in, and says in a hint what is done to
// it beyond taking it as it is. The error completes "array "x" …".
func adapt(in Input, a array, opts Options) (adapter, string, error) {
	how := adapter{dtype: in.Type, scale: 1, channel: -1, row: rowShape(a.shape)}
	if in.Type == onnxgraph.String && a.dtype != onnxgraph.String {
		return how, "", fmt.Errorf("has numbers, but the model's input %q takes strings", in.Name)
	}
	if how.whole = isWhole(in, a); how.whole {
		return how, "", nil
	}
	if len(a.shape) == 0 {
		return how, "", fmt.Errorf("is a single value, but the model's input %q has shape %s", in.Name, shapeText(in.Shape))
	}
	var hints []string
	if in.Type.IsFloat() && !a.dtype.IsFloat() || opts.Scale != 0 && in.Type.IsFloat() {
		how.scale = opts.Scale
		if how.scale == 0 && a.dtype == onnxgraph.Uint8 {
			how.scale = 1. / 255
		}
		if how.scale == 0 {
			how.scale = 1
		}
		if how.scale != 1 {
			hints = append(hints, fmt.Sprintf("scaled by %s", scaleText(how.scale)))
		}
	}
	hint, err := how.fit(in, a)
	if err != nil {
		return how, "", err
	}
	if hint != "" {
		hints = append(hints, hint)
	}
	if in.Type.IsFloat() && (opts.Mean != nil || opts.Std != nil) {
		if err := how.normalise(opts); err != nil {
			return how, "", err
		}
		hints = append(hints, "normalised by mean and standard deviation")
	}
	return how, strings.Join(hints, " and "), nil
}

func scaleText(scale float64) string {
	if scale == 1./255 {
		return "1/255"
	}
	return fmt.Sprintf("%g", scale)
}

// isWhole reports whether an array is a single value for a single value.
func isWhole(in Input, a array) bool {
	n := int64(1)
	for _, d := range in.Shape {
		n *= d
	}
	return len(a.shape) == 0 && (in.Shape == nil || n == 1)
}

// isExact reports whether an array has just the shape of an input without free
// axes: it may be the input as a whole, such as an initial state.
func isExact(in Input, a array) bool {
	if len(in.Shape) == 0 || len(in.Shape) != len(a.shape) {
		return false
	}
	for i, d := range in.Shape {
		if d != int64(a.shape[i]) {
			return false
		}
	}
	return true
}

// fit brings a sample's shape to the input's: as it is, with the channels moved
// first or last, or reshaped when the counts agree.
func (how *adapter) fit(in Input, a array) (string, error) {
	row := rowShape(a.shape)
	if in.Shape == nil {
		return "", nil
	}
	if len(in.Shape) == len(row) && agree(in.Shape, row) && !isRowOfBatch(in.Shape, row) {
		how.single = true
		return "given one at a time: the model has no axis of samples", nil
	}
	want := in.Shape[min(1, len(in.Shape)):]
	if agree(want, row) {
		return "", nil
	}
	for _, t := range []struct {
		axes []int
		hint string
	}{
		{[]int{2, 0, 1}, "transposed from height, width, channels to channels, height, width"},
		{[]int{1, 2, 0}, "transposed from channels, height, width to height, width, channels"},
	} {
		if len(row) == 3 && agree(want, permuted(row, t.axes)) {
			how.axes, how.row = t.axes, permuted(row, t.axes)
			return t.hint, nil
		}
	}
	filled, ok := fill(want, row)
	if !ok {
		return "", fmt.Errorf("has samples of shape %s, which do not fit the model's input %q of shape %s", shapeText(row), in.Name, shapeText(in.Shape))
	}
	how.row = filled
	return fmt.Sprintf("reshaped from %s to %s", shapeText(row), shapeText(filled)), nil
}

// isRowOfBatch reports whether a sample of the rank of the input is one row of
// it, as 1×28×28 is of N×28×28: the first axis is free and the sample has 1 there.
func isRowOfBatch(want []int64, row []int) bool {
	return len(row) > 0 && want[0] < 0 && row[0] == 1
}

// agree reports whether a shape fits one with free axes.
func agree(want []int64, have []int) bool {
	if len(want) != len(have) {
		return false
	}
	for i, d := range want {
		if d >= 0 && d != int64(have[i]) {
			return false
		}
	}
	return true
}

func permuted(shape, axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = shape[a]
	}
	return out
}

// fill finds the size of at most one free axis such that the counts agree.
func fill(want []int64, row []int) ([]int, bool) {
	total, ok := count(row)
	if !ok || total == 0 {
		return nil, false
	}
	filled, free, known := make([]int, len(want)), -1, 1
	for i, d := range want {
		if d < 0 && free >= 0 {
			return nil, false
		}
		if d < 0 {
			free = i
			continue
		}
		filled[i] = int(d)
		known *= int(d)
	}
	if free >= 0 && known > 0 {
		filled[free] = total / known
		known *= filled[free]
	}
	return filled, known == total
}

// normalise finds the axis of channels for Mean and Std.
func (how *adapter) normalise(opts Options) error {
	how.mean, how.std = opts.Mean, opts.Std
	n := max(len(how.mean), len(how.std))
	for _, v := range []*[]float64{&how.mean, &how.std} {
		if len(*v) == 1 || len(*v) == 0 && n > 0 {
			value := 0.0
			if v == &how.std {
				value = 1
			}
			if len(*v) == 1 {
				value = (*v)[0]
			}
			*v = slices.Repeat([]float64{value}, n)
		}
		if len(*v) != n {
			return fmt.Errorf("cannot be normalised by %d means and %d standard deviations", len(opts.Mean), len(opts.Std))
		}
	}
	if slices.Contains(how.std, 0) {
		return fmt.Errorf("cannot be normalised by a standard deviation of 0")
	}
	if n == 1 {
		return nil
	}
	for _, axis := range []int{0, len(how.row) - 1} {
		if len(how.row) > 0 && how.row[axis] == n {
			how.channel = axis
			return nil
		}
	}
	return fmt.Errorf("has no axis of %d channels to normalise", n)
}
