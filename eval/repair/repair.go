// Package repair mends averages of networks.
//
// The average of two aligned networks has the right features and the wrong
// scale: where the ends agree only roughly, activations shrink, and more so
// with every layer. Each repair runs the ends and the average on calibration
// data and writes what it finds into the weights that are there, and into biases where
// Gemm, Conv and ConvTranspose have left theirs out, so the model keeps its architecture:
//
//	bn       running means and variances of BatchNormalization are estimated anew
//	rescale  each unit gets the mean and deviation it has in the ends (REPAIR, Jordan et al. 2022)
//	lsq      each layer is refitted to give the ends' mean outputs (as in PLeaS, Nasery et al. 2024)
//	distil   lsq, and then all layers together learn the mean class probabilities of the ends (Hinton et al. 2015)
//
// All of them go through the layers in order, so each sees what the repaired
// layers before it compute. Labels are not used but for choosing among repairs.
package repair

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Kind names a repair.
type Kind string

// The repairs.
const (
	None    Kind = "none"
	BN      Kind = "bn"
	Rescale Kind = "rescale"
	LSQ     Kind = "lsq"
	Distil  Kind = "distil"
	Auto    Kind = "auto" // the best of those before Distil that are valid, by data held back
)

// Kinds lists the names that Parse knows.
var Kinds = []Kind{Auto, None, BN, Rescale, LSQ, Distil}

// Parse reads the name of a repair.
func Parse(name string) (Kind, error) {
	if slices.Contains(Kinds, Kind(name)) {
		return Kind(name), nil
	}
	return "", fmt.Errorf("there is no repair %q; there are %v", name, Kinds)
}

// End is one of the models that were averaged. All ends and their average are
// models over one graph: one file with different numbers, see onnxgraph.Model.With.
type End struct {
	Model *onnxgraph.Model
	Part  float64 // its weight in the average

	Parts map[*onnxgraph.Weight]float64 // where that is another for single weights

	// Shares, for weights of layers whose outputs are not the means of the ends' outputs in the same
	// place, lists what each output takes from this end instead.
	Shares map[*onnxgraph.Weight][][]Share
}

// Share is a unit of an end and its part in a unit of the average.
type Share struct {
	Unit int
	Part float64
}

// shares lists what each of n outputs of a layer takes from the end.
func (e *End) shares(w *onnxgraph.Weight, n int) [][]Share {
	if s, ok := e.Shares[w]; ok {
		return s
	}
	s := make([][]Share, n)
	for o := range s {
		s[o] = []Share{{o, e.part(w)}}
	}
	return s
}

// part is the end's weight in the average of w.
func (e *End) part(w *onnxgraph.Weight) float64 {
	if p, ok := e.Parts[w]; ok {
		return p
	}
	return e.Part
}

// Options say how a model is repaired. Data is needed, the rest may be zero.
type Options struct {
	Data     *dataset.Set // opened for the ends' inputs
	Open     eval.OpenOptions
	Evaluate eval.EvaluateOptions             // of the candidates, on the samples held back
	Temper   bool                             // fold the temperature of least loss into the last layer
	Threads  int                              // 0: one a core
	Progress func(kind Kind, done, parts int) // before every run of layers, or step of gradients, and again for every candidate

	KeepGraph bool // add no bias where a node has left its own out

	Fold int // the fifth of the batches that Compare holds back: 0 for the last of every five, 1 for the one before
}

// Report says what was tried and what was kept.
type Report struct {
	Kind    Kind    `json:"kind"`
	Tensors int     `json:"tensors"`          // weights whose numbers were changed, or that were added
	Biases  int     `json:"biases,omitempty"` // those that were added
	Samples int     `json:"samples"`          // of calibration data
	Judge   string  `json:"judge,omitempty"`
	Tried   []Trial `json:"tried,omitempty"` // by Auto, in order

	Temperature float64 `json:"temperature,omitempty"` // that scores were divided by
}

// Trial is one candidate of Auto, fitted without the samples that it is judged on.
type Trial struct {
	Kind     Kind    `json:"kind"`
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"` // or the fraction of samples where it says what the ensemble says
	Folds    int     `json:"folds"`    // of the data, each a fifth, that it was fitted without and judged on
}

// MarshalJSON writes a number that is not finite, as of a candidate that gives
// nonsense, as null.
func (t Trial) MarshalJSON() ([]byte, error) {
	finite := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		Kind     Kind     `json:"kind"`
		Loss     *float64 `json:"loss"`
		Accuracy *float64 `json:"accuracy"`
		Folds    int      `json:"folds,omitempty"`
	}{t.Kind, finite(t.Loss), finite(t.Accuracy), t.Folds})
}

// Mend repairs the average of the ends. Auto tries every repair that the model
// has a use for on four fifths of the data and judges it by the loss on the rest
// (without labels: by the divergence from the ensemble of the ends), with each
// fifth in turn where candidates are close, keeps the best and fits that to all
// data; None is among the candidates.
//
// The result depends on the arguments alone. Cost: one pass over the data for
// each run of layers that do not feed each other, and for lsq a system of
// equations of the layer's inputs each.
func Mend(ctx context.Context, ends []End, average *onnxgraph.Model, kind Kind, opts Options) (*onnxgraph.Model, *Report, error) {
	if kind == "" {
		kind = None
	}
	if kind == None && !opts.Temper {
		return average, &Report{Kind: None}, nil
	}
	w, err := widen(ends, average, kind, opts.KeepGraph)
	if err != nil {
		return nil, nil, err
	}
	j, err := newJob(ctx, w.ends, opts)
	if err != nil {
		return nil, nil, err
	}
	defer j.close()
	r := &Report{Kind: kind, Samples: opts.Data.Len()}
	if kind == Auto {
		if r.Kind, err = j.choose(w.average, r); err != nil {
			return nil, nil, err
		}
	}
	e, err := j.apply(r.Kind, w.average, false)
	if err == nil && opts.Temper {
		err = j.temper(e, w.average, r)
	}
	if err != nil {
		return nil, nil, err
	}
	m, biases, err := w.finish(e)
	if err != nil {
		return nil, nil, err
	}
	r.Tensors, r.Biases = len(e.changed), biases
	return m, r, nil
}

// temper chooses a temperature for the average as it is repaired without the
// samples held back, and folds it into the model repaired with all.
func (j *job) temper(e *edits, average *onnxgraph.Model, r *Report) error {
	part, err := j.apply(r.Kind, average, true)
	if err != nil {
		return err
	}
	if r.Temperature, err = j.temperature(part.model); err != nil {
		return err
	}
	return j.divideScores(e, r.Temperature)
}

// apply repairs the average in one way, by all data or by what is not held back.
func (j *job) apply(kind Kind, average *onnxgraph.Model, train bool) (*edits, error) {
	e := &edits{model: average, changed: map[*onnxgraph.Weight]bool{}}
	var err error
	switch kind {
	case BN:
		err = j.renorm(e, train)
	case Rescale:
		err = j.rescale(e, train)
	case LSQ:
		err = j.refit(e, train)
	case Distil:
		err = j.distil(e, train)
	}
	return e, err
}

// edits is a model whose weights are changed one after the other.
type edits struct {
	model   *onnxgraph.Model
	changed map[*onnxgraph.Weight]bool
}

// set gives weights other numbers.
func (e *edits) set(numbers map[*onnxgraph.Weight][]float64) {
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for w, n := range numbers {
		contents[w] = solver.Content(w.Type, n)
		e.changed[w] = true
	}
	e.model = e.model.With(contents)
}
