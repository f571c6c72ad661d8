package rebasin

import (
	"bytes"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sameInAll reports whether weight w of the first model, and what corresponds to
// it in the others, hold the same numbers.
func sameInAll(models []*onnxgraph.Model, pairs []*onnxgraph.Correspondence, w *onnxgraph.Weight) (bool, error) {
	if w.Type == onnxgraph.String {
		return true, nil // correspondence has compared them
	}
	want, err := models[0].Bytes(w)
	if err != nil {
		return false, err
	}
	for k, p := range pairs {
		v := p.Weights[w]
		if v == nil {
			continue
		}
		got, err := models[k+1].Bytes(v)
		if err != nil || !bytes.Equal(got, want) {
			return false, err
		}
	}
	return true, nil
}
