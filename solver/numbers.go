package solver

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// matched reports whether weights of type t take part in matching: integers of 8
// bits stand for numbers, others mean the places they stand at.
func matched(t onnxgraph.DataType) bool {
	return t.IsFloat() || t == onnxgraph.Int8 || t == onnxgraph.Uint8
}

// butFloats is exclude, for an objective that is about floating-point weights
// alone: those of 8 bits have no mean.
func butFloats(exclude func(*onnxgraph.Weight) bool) func(*onnxgraph.Weight) bool {
	return func(w *onnxgraph.Weight) bool { return !w.Type.IsFloat() || exclude != nil && exclude(w) }
}

// numbers hands out the numbers of a model's weights.
type numbers struct {
	model     *onnxgraph.Model
	quantised map[*onnxgraph.Weight]onnxgraph.Quantisation
}

func newNumbers(m *onnxgraph.Model) numbers { return numbers{m, onnxgraph.Quantisations(m)} }

// of returns the numbers of a weight, or those that its elements stand for. Done
// says that they are not needed for now.
func (n numbers) of(w *onnxgraph.Weight) (x []float32, done func(), err error) {
	if w.Type.IsFloat() {
		return n.model.Float32View(w)
	}
	x, err = n.model.Dequantised(w, n.quantised[w])
	return x, func() {}, err
}
