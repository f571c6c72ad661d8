package eval

import (
	"slices"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Reordering takes elements from where the order says, and is undone.
func TestReorder(t *testing.T) {
	x := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{2, 2, 3}, Data: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	for _, c := range []struct {
		o    Reorder
		want []float32
	}{
		{Reorder{[]int{2}, []int{2, 0, 1}}, []float32{2, 0, 1, 5, 3, 4, 8, 6, 7, 11, 9, 10}},
		{Reorder{[]int{1}, []int{1, 0}}, []float32{3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8}},
		{Reorder{[]int{0, 2}, []int{3, 4, 5, 2, 1, 0}}, []float32{6, 7, 8, 9, 10, 11, 2, 1, 0, 5, 4, 3}},
	} {
		y, err := c.o.apply(x, false)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.o.apply(y, true)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(y.Data.([]float32), c.want) || !slices.Equal(back.Data.([]float32), x.Data.([]float32)) {
			t.Errorf("%v: %v, back %v", c.o, y.Data, back.Data)
		}
	}
	for _, o := range []Reorder{{[]int{3}, []int{0}}, {[]int{2}, []int{0, 1}}} {
		if _, err := o.apply(x, false); err == nil {
			t.Errorf("%v is accepted", o)
		}
	}
}
