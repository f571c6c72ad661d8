package eval

import (
	"context"
	"errors"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// VerifyOptions say how two models are compared. The zero value is usable.
type VerifyOptions struct {
	Open        OpenOptions
	Samples     int                  // generated inputs; 0: 4
	Seed        uint64               // of the generated inputs
	Inputs      map[string]InputSpec // by the first model's names
	Data        *dataset.Set         // compare on this data instead, opened for the first model's inputs
	Fallback    *dataset.Set         // compare on this data where generated inputs do not run or tell too little
	Batch       int                  // samples of data at a time; 0: 64
	Atol, Rtol  float64              // where not zero, instead of the defaults and the measured noise
	OutputsOnly bool                 // values inside the models stand in different orders: compare none
	AllValues   bool                 // find the first value inside the models that differs
	Progress    func(done, total int)
}

// Verdict is the answer to whether two models compute the same function.
type Verdict string

// The verdicts. Inconclusive is never a yes: the outputs told nothing.
const (
	Same         Verdict = "same"
	Different    Verdict = "different"
	Inconclusive Verdict = "inconclusive"
)

// Verification is what a comparison has found.
type Verification struct {
	Samples int     `json:"samples"` // runs of each model
	MaxAbs  float64 `json:"max_abs"` // largest |a - b|
	MaxRel  float64 `json:"max_rel"` // largest |a - b| / max|a|, the maximum over the output; 1 where a is 0 everywhere
	Atol    float64 `json:"atol"`    // of the output that used most of its tolerance
	Rtol    float64 `json:"rtol"`
	Noise   float64 `json:"noise"` // what rounding alone does to that output; 20 times this is allowed
	OK      bool    `json:"ok"`    // the verdict is Same

	Verdict   Verdict            `json:"verdict"`
	Reason    string             `json:"reason,omitempty"` // why it is not Same, or what is to be known beside it
	Outputs   []OutputDifference `json:"outputs"`
	Inputs    string             `json:"inputs"` // what the models were run on
	Diverging *Divergence        `json:"diverging,omitempty"`
}

// OutputDifference compares one output of two models, over all runs.
type OutputDifference struct {
	Name        string  `json:"name"` // in the first model
	MaxAbs      float64 `json:"max_abs"`
	MeanAbs     float64 `json:"mean_abs"`
	MaxRel      float64 `json:"max_rel"`
	MeanRel     float64 `json:"mean_rel"` // mean |a - b| / mean |a|
	Atol        float64 `json:"atol"`
	Rtol        float64 `json:"rtol"`
	Noise       float64 `json:"noise"`
	OK          bool    `json:"ok"`
	Informative bool    `json:"informative"` // it changed with the inputs by much more than the tolerance
	Reason      string  `json:"reason,omitempty"`
}

// Verify finds out by running them whether two models compute the same
// function. Their inputs and outputs go together by name or, when the names
// differ, by position.
//
// Random inputs have the shapes and types that the first model declares; free
// axes get small sizes that the model takes, indices stay below the size of
// what they look up, and controls such as sample rates get values that the
// graph tells apart. An output that stays constant under these, whose numbers
// would agree whatever the weights, is tried again on inputs of other scales.
// If weights remain that reach no output that changed, the verdict is
// Inconclusive.
//
// The error is about models that cannot be run; that they differ is a Verdict.
func Verify(ctx context.Context, a, b *onnxgraph.Model, opts VerifyOptions) (*Verification, error) {
	opts.Open.Lean = opts.Open.Lean || weightBytes(a) > leanFrom
	ra, err := Open(a, opts.Open)
	if err != nil {
		return nil, err
	}
	defer ra.Close()
	rb, err := Open(b, opts.Open)
	if err != nil {
		return nil, err
	}
	defer rb.Close()
	return VerifyRunners(ctx, ra, rb, opts)
}

// leanFrom is the bytes of weights from which models are checked without having
// all of them in memory: a check is a few runs.
const leanFrom = 64 << 20

// weightBytes is the memory that a model's weights take.
func weightBytes(m *onnxgraph.Model) int64 {
	total := int64(0)
	for _, w := range m.Weights() {
		total += w.Elements() * int64(w.Type.Bits()) / 8
	}
	return total
}

// VerifyRunners is Verify for models that are open already.
func VerifyRunners(ctx context.Context, a, b *Runner, opts VerifyOptions) (*Verification, error) {
	if reason := interfaceDifference(a.Model, b.Model); reason != "" {
		return &Verification{Verdict: Different, Reason: reason}, nil
	}
	v, err := compare(ctx, a, b, opts)
	var none *ungeneratedError
	if opts.Data == nil && opts.Fallback != nil && (errors.As(err, &none) || err == nil && v.Verdict == Inconclusive) {
		opts.Data = opts.Fallback
		return compare(ctx, a, b, opts)
	}
	return v, err
}

func compare(ctx context.Context, a, b *Runner, opts VerifyOptions) (*Verification, error) {
	c, err := newComparison(a, b, opts)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if opts.Data != nil {
		err = c.onData(ctx)
	} else {
		err = c.onRandom(ctx)
	}
	if err != nil {
		return nil, err
	}
	v := c.verdict()
	if opts.AllValues && v.Verdict != Same && c.last != nil {
		err = c.firstDivergence(ctx, v)
	}
	return v, err
}

// interfaceDifference says how two models' inputs and outputs differ in number
// type or declared size, "" when they go together.
func interfaceDifference(a, b *onnxgraph.Model) string {
	for _, side := range []struct {
		what string
		a, b []*onnxgraph.Value
	}{{"input", a.Graph.Inputs, b.Graph.Inputs}, {"output", a.Graph.Outputs, b.Graph.Outputs}} {
		if len(side.a) != len(side.b) {
			return fmt.Sprintf("the models have %d and %d %ss", len(side.a), len(side.b), side.what)
		}
		for i, w := range counterparts(side.a, side.b) {
			if v := side.a[i]; v.Type != w.Type {
				return fmt.Sprintf("%s %q is %v, but %q is %v", side.what, v.Name, v.Type, w.Name, w.Type)
			} else if side.what == "input" && !fit(v, w) {
				return fmt.Sprintf("input %q is %v, but %q is %v", v.Name, v.Declared, w.Name, w.Declared)
			}
		}
	}
	return ""
}

// fit reports whether some tensor has the shapes that two inputs declare.
func fit(v, w *onnxgraph.Value) bool {
	if !v.HasShape || !w.HasShape {
		return true
	}
	if len(v.Declared) != len(w.Declared) {
		return false
	}
	for i, d := range v.Declared {
		x, knownX := d.Known()
		y, knownY := w.Declared[i].Known()
		if knownX && knownY && x != y {
			return false
		}
	}
	return true
}
