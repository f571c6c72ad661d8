package rebasin

import (
	"context"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Calibration is data that a merge may learn from, and how it is used: never
// the data that the result is judged on.
type Calibration struct {
	Data      *dataset.Set         // opened for the first model's inputs
	Repair    repair.Kind          // "": none
	Lambda    bool                 // choose λ, instead of Options.Lambda
	Groups    bool                 // choose λ for groups of units, too
	Temper    bool                 // fold a temperature into the last layer
	KeepGraph bool                 // repairs add no bias where an operator has left its own out
	Evaluate  eval.EvaluateOptions // of candidates, on the part held back
	Open      eval.OpenOptions
	Progress  func(kind repair.Kind, done, parts int) // as in repair.Options
}

// usable refuses data of which a model computes no numbers.
func (c *Calibration) usable(ctx context.Context, m *onnxgraph.Model) error {
	if c == nil || c.Data == nil {
		return nil
	}
	return eval.Usable(ctx, m, c.Data, c.Open)
}

// mend repairs the average of models that stand in one order, each with its
// part in the average; counterparts are from the first one's weights.
func (c *Calibration) mend(ctx context.Context, models []*onnxgraph.Model, counterparts []solver.Counterpart, parts []float64, average *onnxgraph.Model) (*onnxgraph.Model, *repair.Report, error) {
	ends, err := endsOf(models, counterparts, parts)
	if err != nil {
		return nil, nil, err
	}
	return c.mendEnds(ctx, ends, average)
}

// mendEnds is mend for models that are in the first one's file already.
func (c *Calibration) mendEnds(ctx context.Context, ends []repair.End, average *onnxgraph.Model) (*onnxgraph.Model, *repair.Report, error) {
	if c == nil || (c.Repair == "" || c.Repair == repair.None) && !c.Temper {
		return average, nil, nil
	}
	m, r, err := repair.Mend(ctx, ends, average, c.Repair, c.options())
	if err != nil {
		return nil, nil, err
	}
	return m, r, nil
}

func (c *Calibration) options() repair.Options {
	return repair.Options{Data: c.Data, Open: c.Open, Evaluate: c.Evaluate, Temper: c.Temper, KeepGraph: c.KeepGraph, Progress: c.Progress}
}

// endsOf puts the weights of all models into the first one's file.
func endsOf(models []*onnxgraph.Model, counterparts []solver.Counterpart, parts []float64) ([]repair.End, error) {
	ends := []repair.End{{Model: models[0], Part: parts[0]}}
	for k, m := range models[1:] {
		same, err := solver.Lerp(models[0], m, counterparts[k+1], 1)
		if err != nil {
			return nil, err
		}
		ends = append(ends, repair.End{Model: same, Part: parts[k+1]})
	}
	return ends, nil
}
