package f32_test

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// A convolution of a 3 by 4 image with two 2 by 2 filters, without unfolding the image: the windows are a View whose
// rows are the places within a window and whose columns are the places of the window.
func Example() {
	image := []float32{
		1, 2, 3, 4,
		5, 6, 7, 8,
		9, 8, 7, 6,
	}
	filters := []float32{
		1, 1, 1, 1,
		-1, 1, 0, 0,
	}
	windows := f32.View{
		Data: image,
		Rows: f32.Offsets([]int{0, 1, 4, 5}),
		Cols: f32.Offsets([]int{0, 1, 2, 4, 5, 6}),
	}
	out := make([]float32, 2*6)
	f32.Product(1, 1, f32.Dense(filters, 2, 4, 4), windows, 0, out, 6, f32.Epilogue{RowBias: []float32{0, 0.5}, Relu: true})
	fmt.Println(out[:6])
	fmt.Println(out[6:])
	// Output:
	// [14 18 22 28 28 28]
	// [1.5 1.5 1.5 1.5 1.5 1.5]
}
