package eval

import (
	"context"
	"fmt"
	"math"

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
	for _, o := range m.Graph.Outputs {
		row, _ := firstOf(outputs[o.Name], -1, special)
		if row < 0 {
			continue
		}
		for _, among := range []int{row, -1} { // that sample, or any: samples may lie along another axis
			for _, v := range m.Graph.Inputs {
				if k, y := firstOf(b.Inputs[v.Name], among, special); k >= 0 {
					return fmt.Errorf("input %q of sample %d holds %v, and the model computes no numbers of it", v.Name, at+k, y)
				}
			}
		}
		if k, _ := firstOf(outputs[o.Name], -1, math.IsNaN); k >= 0 {
			return fmt.Errorf("output %q of the model is not a number for sample %d", o.Name, at+k)
		}
	}
	return nil
}

func special(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// firstOf is the first element of a tensor that is so, and the row of the first axis that it is in, which is among
// unless that is below zero; -1 without.
func firstOf(t *onnxgraph.Tensor, among int, so func(float64) bool) (row int, element float64) {
	if t == nil || !t.Type.IsFloat() {
		return -1, 0
	}
	x, err := floats(t)
	if err != nil {
		return -1, 0
	}
	per := len(x)
	if len(t.Shape) > 0 {
		per /= max(1, t.Shape[0])
	}
	for k, v := range x {
		if at := k / per; so(v) && (among < 0 || at == among) {
			return at, v
		}
	}
	return -1, 0
}
