package solver

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Likeness is what is known, beside the weights, of which units of b are like
// which of a: it adds to the objective Gain[i·Size+j] for every row i of a that
// takes row j of b. Rows are the slots of some axis, of a value for example, and
// Blocks say which groups they belong to, with strides in rows.
type Likeness struct {
	Name   string
	Blocks []permspec.Block
	Size   int
	Gain   []float32
	Places int // how many measurements, each at most 1, Gain is the sum of; 0 where it is none
}

// layout writes the likeness as a weight of Size by Size: with Gain in a and
// the unit matrix in b, Σ a·π(b) is the sum of the gains.
func (l *Likeness) layout() (permspec.WeightLayout, error) {
	out := permspec.WeightLayout{Weight: &onnxgraph.Weight{Name: l.Name, Type: onnxgraph.Float32, Shape: []int64{int64(l.Size), int64(l.Size)}}}
	if len(l.Gain) != l.Size*l.Size {
		return out, fmt.Errorf("solver: likeness %q of %d rows has %d gains", l.Name, l.Size, len(l.Gain))
	}
	for _, b := range l.Blocks {
		wide := permspec.Block{Offset: b.Offset * int64(l.Size)}
		for _, d := range b.Digits {
			d.Stride *= int64(l.Size)
			wide.Digits = append(wide.Digits, d)
		}
		wide.Digits = append(wide.Digits, permspec.Digit{Group: -1, Size: l.Size, Stride: 1})
		out.Blocks = append(out.Blocks, wide)
	}
	return out, nil
}

// numbers are those of layout in a and b.
func (l *Likeness) numbers() (a, b []float32) {
	b = make([]float32, l.Size*l.Size)
	for i := range l.Size {
		b[i*l.Size+i] = 1
	}
	return l.Gain, b
}
