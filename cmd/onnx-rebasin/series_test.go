package main

import (
	"slices"
	"testing"
)

// Times are what the names say, in any order; where they do not say it, files
// are counted.
func TestTimesInNames(t *testing.T) {
	for _, test := range []struct {
		files []string
		want  []float64
	}{
		{[]string{"run1/a-1.onnx", "run1/a-10.onnx", "run1/a-2.onnx"}, []float64{1, 10, 2}}, // as a shell lists them
		{[]string{"epoch0.5_a.onnx", "epoch1_a.onnx"}, []float64{0.5, 1}},
		{[]string{"v2-a.onnx", "v2-b.onnx"}, []float64{1, 2}},
		{[]string{"start.onnx", "a-7.onnx"}, []float64{1, 2}},
	} {
		if got := timesInNames(test.files); !slices.Equal(got, test.want) {
			t.Errorf("%q: times %v, want %v", test.files, got, test.want)
		}
	}
}
