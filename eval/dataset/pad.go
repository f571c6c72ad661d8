package dataset

import (
	"reflect"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Cut parts the inputs of a batch into batches of size samples, the last filled up by repeating its last sample. What
// has no row for each sample stands in every part. Labels and outputs are left out.
func (b *Batch) Cut(size int) []*Batch {
	var parts []*Batch
	for at := 0; at < b.N; at += size {
		part := &Batch{N: min(size, b.N-at), Inputs: map[string]*onnxgraph.Tensor{}}
		for name, t := range b.Inputs {
			if len(t.Shape) > 0 && t.Shape[0] >= b.N {
				t = rowsOf(t, at, at+part.N)
			}
			part.Inputs[name] = t
		}
		part.pad(size)
		parts = append(parts, part)
	}
	return parts
}

// Join is what tensors whose rows belong to the given numbers of samples, and to more that filled them up, are one
// after the other; size is how many samples each has in all.
func Join(parts []*onnxgraph.Tensor, samples []int, size int) *onnxgraph.Tensor {
	whole := *parts[0]
	if len(whole.Shape) == 0 || whole.Shape[0]%size != 0 {
		return &whole
	}
	per, rows := whole.Shape[0]/size, 0
	data := reflect.MakeSlice(reflect.TypeOf(whole.Data), 0, 0)
	for k, t := range parts {
		data = reflect.AppendSlice(data, reflect.ValueOf(rowsOf(t, 0, samples[k]*per).Data))
		rows += samples[k] * per
	}
	whole.Shape, whole.Data = slices.Concat([]int{rows}, whole.Shape[1:]), data.Interface()
	return &whole
}

// rowsOf is rows from to to-1 of a tensor, sharing memory.
func rowsOf(t *onnxgraph.Tensor, from, to int) *onnxgraph.Tensor {
	data := reflect.ValueOf(t.Data)
	per := data.Len() / t.Shape[0]
	return &onnxgraph.Tensor{Type: t.Type, Shape: slices.Concat([]int{to - from}, t.Shape[1:]), Data: data.Slice(from*per, to*per).Interface()}
}

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
	last := reflect.ValueOf(rowsOf(t, n-1, n).Data)
	data := reflect.AppendSlice(reflect.MakeSlice(last.Type(), 0, size*last.Len()), reflect.ValueOf(t.Data))
	for range size - n {
		data = reflect.AppendSlice(data, last)
	}
	return &onnxgraph.Tensor{Type: t.Type, Shape: slices.Concat([]int{size}, t.Shape[1:]), Data: data.Interface()}
}
