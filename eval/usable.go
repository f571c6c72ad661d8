package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Usable returns an error that says which sample of a data set a model cannot be told by: one of
// which its outputs are not numbers, or infinite because an input is. Cost: a run of the model for
// each sample.
func Usable(ctx context.Context, m *onnxgraph.Model, data *dataset.Set, opts OpenOptions) error {
	r, err := Open(m, opts)
	if err != nil {
		return err
	}
	defer r.Close()
	at := 0
	for b, err := range data.Batches(64) {
		if err != nil {
			return err
		}
		outputs, err := r.Run(ctx, b.Inputs, nil)
		if err != nil {
			return err
		}
		if err := unusable(m, b, outputs, at); err != nil {
			return fmt.Errorf("%s: %w", data.Name, err)
		}
		at += b.N
	}
	return nil
}

// unusable is what is wrong with a batch that begins with sample at.
func unusable(m *onnxgraph.Model, b *dataset.Batch, outputs map[string]*onnxgraph.Tensor, at int) error {
	for _, v := range m.Graph.Inputs {
		t := b.Inputs[v.Name]
		if k, x := firstOf(t, special); k >= 0 && slices.ContainsFunc(m.Graph.Outputs, func(o *onnxgraph.Value) bool {
			odd, _ := firstOf(outputs[o.Name], special)
			return odd >= 0
		}) {
			return fmt.Errorf("input %q of sample %d holds %v, and the model computes no numbers of it", v.Name, at+k, x)
		}
	}
	for _, v := range m.Graph.Outputs {
		if k, _ := firstOf(outputs[v.Name], math.IsNaN); k >= 0 {
			return fmt.Errorf("output %q of the model is not a number for sample %d", v.Name, at+k)
		}
	}
	return nil
}

func special(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// firstOf is the first element of a tensor that is so, and the row of the first axis that it is in; -1 without.
func firstOf(t *onnxgraph.Tensor, so func(float64) bool) (row int, element float64) {
	if t == nil || !t.Type.IsFloat() {
		return -1, 0
	}
	x, err := floats(t)
	if err != nil {
		return -1, 0
	}
	k := slices.IndexFunc(x, so)
	switch {
	case k < 0:
		return -1, 0
	case len(t.Shape) == 0:
		return 0, x[k]
	}
	return k / (len(x) / t.Shape[0]), x[k]
}
