package dataset

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// apply makes the input from rows of the array.
func (how adapter) apply(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	if how.axes != nil {
		t = transposed(t, how.axes)
	}
	if how.dtype != onnxgraph.Undefined && (how.dtype != t.Type || how.scale != 1 || how.mean != nil) {
		t = &onnxgraph.Tensor{Type: how.dtype, Shape: t.Shape, Data: how.numbers(t)}
	}
	if how.whole {
		return t
	}
	shape := slices.Concat(t.Shape[:1], how.row)
	if how.single {
		shape = how.row
	}
	return &onnxgraph.Tensor{Type: t.Type, Shape: shape, Data: t.Data}
}

// numbers gives a tensor's elements in the wanted type, scaled and normalised.
func (how adapter) numbers(t *onnxgraph.Tensor) any {
	switch how.dtype {
	case onnxgraph.Float32:
		return converted[float32](how, t)
	case onnxgraph.Float64:
		return converted[float64](how, t)
	case onnxgraph.Float16:
		return mapped(converted[float32](how, t), half.ToFloat16)
	case onnxgraph.BFloat16:
		return mapped(converted[float32](how, t), half.ToBFloat16)
	case onnxgraph.Int8:
		return converted[int8](how, t)
	case onnxgraph.Int16:
		return converted[int16](how, t)
	case onnxgraph.Int32:
		return converted[int32](how, t)
	case onnxgraph.Int64:
		return converted[int64](how, t)
	case onnxgraph.Uint8:
		return converted[uint8](how, t)
	case onnxgraph.Uint16:
		return converted[uint16](how, t)
	case onnxgraph.Uint32:
		return converted[uint32](how, t)
	case onnxgraph.Uint64:
		return converted[uint64](how, t)
	case onnxgraph.Bool:
		return mapped(converted[float64](how, t), func(v float64) bool { return v != 0 })
	}
	return t.Data
}

// converted computes in float64 and rounds once, so that a uint8 pixel v scaled
// by 1/255 is the float32 nearest to v/255.
func converted[T number](how adapter, t *onnxgraph.Tensor) []T {
	var out []T
	switch d := t.Data.(type) {
	case []uint8:
		out = scaledBytes[T](d, how.scale)
	case []int8:
		out = scaled[T](d, how.scale)
	case []int16:
		out = scaled[T](d, how.scale)
	case []int32:
		out = scaled[T](d, how.scale)
	case []int64:
		out = scaled[T](d, how.scale)
	case []uint16:
		if t.Type == onnxgraph.Float16 {
			return converted[T](how, &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: t.Shape, Data: mapped(d, half.Float16)})
		}
		out = scaled[T](d, how.scale)
	case []uint32:
		out = scaled[T](d, how.scale)
	case []uint64:
		out = scaled[T](d, how.scale)
	case []float32:
		out = scaled[T](d, how.scale)
	case []float64:
		out = scaled[T](d, how.scale)
	case []bool:
		out = mapped(d, func(v bool) T {
			if v {
				return 1
			}
			return 0
		})
	}
	if how.mean != nil {
		normalise(out, how)
	}
	return out
}

// scaledBytes looks the 256 possible results up.
func scaledBytes[T number](in []uint8, scale float64) []T {
	var table [256]T
	for v := range table {
		table[v] = T(float64(v) * scale)
	}
	return mapped(in, func(v uint8) T { return table[v] })
}

func scaled[T, S number](in []S, scale float64) []T {
	if scale == 1 {
		return mapped(in, func(v S) T { return T(v) })
	}
	return mapped(in, func(v S) T { return T(float64(v) * scale) })
}

func mapped[S, T any](in []S, f func(S) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// normalise subtracts the mean of each channel and divides by its standard
// deviation.
func normalise[T number](data []T, how adapter) {
	inner, channels := 1, 1
	if how.channel >= 0 {
		channels = how.row[how.channel]
		inner, _ = count(how.row[how.channel+1:])
	}
	for at := 0; at < len(data); at += inner {
		c := at / inner % channels
		for i := range data[at : at+inner] {
			data[at+i] = T((float64(data[at+i]) - how.mean[c]) / how.std[c])
		}
	}
}

// transposed lays the axes of each sample out in another order.
func transposed(t *onnxgraph.Tensor, axes []int) *onnxgraph.Tensor {
	row := t.Shape[1:]
	out := &onnxgraph.Tensor{Type: t.Type, Shape: append([]int{t.Shape[0]}, permuted(row, axes)...)}
	switch d := t.Data.(type) {
	case []uint8:
		out.Data = reordered(d, row, axes)
	case []int8:
		out.Data = reordered(d, row, axes)
	case []uint16:
		out.Data = reordered(d, row, axes)
	case []int16:
		out.Data = reordered(d, row, axes)
	case []uint32:
		out.Data = reordered(d, row, axes)
	case []int32:
		out.Data = reordered(d, row, axes)
	case []uint64:
		out.Data = reordered(d, row, axes)
	case []int64:
		out.Data = reordered(d, row, axes)
	case []float32:
		out.Data = reordered(d, row, axes)
	case []float64:
		out.Data = reordered(d, row, axes)
	case []bool:
		out.Data = reordered(d, row, axes)
	}
	return out
}

// reordered moves the elements of samples of three axes.
func reordered[T any](in []T, row, axes []int) []T {
	strides := [3]int{row[1] * row[2], row[2], 1}
	to := permuted(row, axes)
	per := row[0] * row[1] * row[2]
	out := make([]T, 0, len(in))
	for start := 0; start+per <= len(in); start += per {
		for i := range to[0] {
			for j := range to[1] {
				at := start + i*strides[axes[0]] + j*strides[axes[1]]
				for range to[2] {
					out = append(out, in[at])
					at += strides[axes[2]]
				}
			}
		}
	}
	return out
}
