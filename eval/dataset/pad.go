package dataset

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// pad fills the inputs up to size samples by repeating the last one.
func (b *Batch) pad(size int) {
	for name, t := range b.Inputs {
		if len(t.Shape) == 0 || t.Shape[0] != b.N || b.N == size {
			continue
		}
		b.Inputs[name] = padded(t, size)
	}
}

func padded(t *onnxgraph.Tensor, size int) *onnxgraph.Tensor {
	n := t.Shape[0]
	out := &onnxgraph.Tensor{Type: t.Type, Shape: slices.Concat([]int{size}, t.Shape[1:])}
	switch d := t.Data.(type) {
	case []uint8:
		out.Data = repeatLast(d, n, size)
	case []int8:
		out.Data = repeatLast(d, n, size)
	case []uint16:
		out.Data = repeatLast(d, n, size)
	case []int16:
		out.Data = repeatLast(d, n, size)
	case []uint32:
		out.Data = repeatLast(d, n, size)
	case []int32:
		out.Data = repeatLast(d, n, size)
	case []uint64:
		out.Data = repeatLast(d, n, size)
	case []int64:
		out.Data = repeatLast(d, n, size)
	case []float32:
		out.Data = repeatLast(d, n, size)
	case []float64:
		out.Data = repeatLast(d, n, size)
	case []bool:
		out.Data = repeatLast(d, n, size)
	case []string:
		out.Data = repeatLast(d, n, size)
	}
	return out
}

// repeatLast extends n rows to size rows.
func repeatLast[T any](rows []T, n, size int) []T {
	per := len(rows) / n
	return append(slices.Clone(rows), slices.Repeat(rows[len(rows)-per:], size-n)...)
}
