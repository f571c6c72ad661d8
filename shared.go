package rebasin

import (
	"bytes"
	"fmt"

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

// quantisedAgree fails when a weight that is not floating-point differs between
// A and π(B), whether it moves or not: the merged model keeps A's, and numbers on
// two different scales have no mean. Scales alone may differ: their mean times
// the same integers is the mean.
func quantisedAgree(a, b *onnxgraph.Model, pairs *onnxgraph.Correspondence) error {
	for _, w := range a.Weights() {
		v := pairs.Weights[w]
		if w.Type.IsFloat() || w.Type == onnxgraph.String || v == nil {
			continue
		}
		ours, err := a.Bytes(w)
		if err != nil {
			return err
		}
		theirs, err := b.Bytes(v)
		if err != nil {
			return err
		}
		if !bytes.Equal(ours, theirs) {
			return fmt.Errorf("weight %q is %v: quantised weights cannot be averaged; merge the models before they are quantised", w.Name, w.Type)
		}
	}
	return nil
}
