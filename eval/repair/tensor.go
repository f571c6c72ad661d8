package repair

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// tensor is a value of a run as float32 numbers.
type tensor struct {
	shape []int
	data  []float32
}

// dim returns the size of an axis counted from the end, from 1.
func (t *tensor) dim(fromEnd int) int { return t.shape[len(t.shape)-fromEnd] }

// rows is how many rows there are when an axis, counted from the end, holds the
// features.
func (t *tensor) rows(axis int) int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n / max(1, t.dim(axis))
}

// row copies the features of one row.
func (t *tensor) row(dst []float32, axis, row int) {
	inner := 1
	for k := 1; k < axis; k++ {
		inner *= t.dim(k)
	}
	base := row/inner*t.dim(axis)*inner + row%inner
	if inner == 1 {
		copy(dst, t.data[base:base+len(dst)])
		return
	}
	for c := range dst {
		dst[c] = t.data[base+c*inner]
	}
}

// float32s converts what a runtime gave.
func float32s(t *onnxgraph.Tensor) (*tensor, error) {
	out := &tensor{shape: t.Shape}
	switch d := t.Data.(type) {
	case []float32:
		out.data = d
	case []float64:
		out.data = make([]float32, len(d))
		for i, v := range d {
			out.data[i] = float32(v)
		}
	case []uint16:
		widen := half.Float16
		if t.Type == onnxgraph.BFloat16 {
			widen = half.BFloat16
		}
		out.data = make([]float32, len(d))
		for i, v := range d {
			out.data[i] = widen(v)
		}
	default:
		return nil, fmt.Errorf("its elements are %v, not floating-point", t.Type)
	}
	return out, nil
}
