package rebasin

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Hints are plain remarks on an alignment that a user should hear.
func (a *Alignment) Hints() []string {
	m := a.Match
	if m == nil {
		return nil
	}
	var weights []*onnxgraph.Weight
	for w := range a.pairs.Weights {
		weights = append(weights, w)
	}
	var out []string
	if m.Stopped {
		out = append(out, fmt.Sprintf("the search was stopped after %.1f s and %d starts: this is the best it had found", m.Seconds, len(m.Starts)))
	}
	// |A|² + |B|², of which the squared distance is a part.
	whole := m.L2After*m.L2After + 2*m.ObjectiveAfter
	switch {
	case len(a.Spec.Groups) == 0:
	case m.L2Before == 0:
		out = append(out, "A and B have the same weights: there is nothing to align")
	case m.L2After*m.L2After < 1e-9*whole:
		out = append(out, "B is A with its units in another order: π(B) has A's weights, and so has every average of the two")
	case m.Moved < few && !m.Stopped:
		out = append(out, movedHint(m.Moved))
	}
	return append(out, frozenHints(a.Spec, weights)...)
}

// few is the part of the units up to which models stand in one order already.
const few = 0.05

func movedHint(moved float64) string {
	return fmt.Sprintf("only %.1f %% of the units moved: the models stand in one order already, as models with a common ancestor do", 100*moved)
}

// frozenHints says that too little can be permuted, and the reason that froze
// most of the parameters.
func frozenHints(s *permspec.Spec, weights []*onnxgraph.Weight) []string {
	share := shareOf(s, weights)
	text := fmt.Sprintf("only %.0f %% of the parameters can be permuted", 100*share)
	switch {
	case len(s.Groups) == 0:
		text = "nothing in this model can be permuted"
	case share >= 0.5:
		return nil
	}
	if reason := mainReason(s, weights); reason != "" {
		text += " (for the most part: " + reason + ")"
	}
	return []string{text + "; onnx-rebasin inspect says what is frozen and why"}
}

// shareOf is the part of the parameters that can be permuted, those of 8 bits among them.
func shareOf(s *permspec.Spec, weights []*onnxgraph.Weight) float64 {
	counts := func(w *onnxgraph.Weight) bool {
		return w.Type.IsFloat() || w.Type == onnxgraph.Int8 || w.Type == onnxgraph.Uint8
	}
	free, all := int64(0), int64(0)
	for _, l := range s.Weights {
		if counts(l.Weight) {
			free += l.Weight.Elements()
		}
	}
	for _, w := range weights {
		if counts(w) {
			all += w.Elements()
		}
	}
	return float64(free) / float64(max(all, 1))
}

// mainReason is the reason that froze axes of the most parameters, among weights
// of which no axis is free; "" when there are none. Cost: linear in the number of
// weights and frozen axes.
func mainReason(s *permspec.Spec, weights []*onnxgraph.Weight) string {
	size := map[string]int64{}
	for _, w := range weights {
		if w.Type.IsFloat() {
			size[w.Name] = w.Elements()
		}
	}
	for _, l := range s.Weights {
		delete(size, l.Weight.Name)
	}
	type cause struct{ weight, reason string }
	seen := map[cause]bool{}
	frozen := map[string]int64{}
	best := ""
	for _, f := range s.Frozen {
		c := cause{f.Weight, f.Reason}
		if size[f.Weight] == 0 || seen[c] {
			continue
		}
		seen[c] = true
		frozen[f.Reason] += size[f.Weight]
		if frozen[f.Reason] > frozen[best] {
			best = f.Reason
		}
	}
	return best
}

// Hints are those of the alignment, and that statistics want calibration data.
func (m *Merged) Hints() []string {
	return slices.Concat(m.Alignment.Hints(), overflowHints(m.Overflows), statisticsHint(m.Model, m.Repair != nil), idleHint(m.Repair))
}

// Hints are plain remarks on the merge that a user should hear.
func (m *MergedMany) Hints() []string {
	var out []string
	if m.Match != nil {
		if m.Match.Stopped {
			out = append(out, fmt.Sprintf("the search was stopped after %.1f s: this is the best it had found", m.Match.Seconds))
		}
		if len(m.Spec.Groups) > 0 && m.Match.Moved < few && !m.Match.Stopped {
			out = append(out, movedHint(m.Match.Moved))
		}
		out = append(out, frozenHints(m.Spec, m.Aligned[0].Weights())...)
	}
	return slices.Concat(out, overflowHints(m.Overflows), statisticsHint(m.Model, m.Repair != nil), idleHint(m.Repair))
}

// idleHint says that a repair had nothing to write to.
func idleHint(r *repair.Report) []string {
	switch {
	case r == nil || r.Tensors > 0 || r.Kind == repair.None:
		return nil
	case r.Kind == repair.BN:
		return []string{"--repair bn changed nothing: no BatchNormalization keeps statistics of its own"}
	}
	return []string{fmt.Sprintf("--repair %s changed nothing: no layer has a weight of its own that is kept as floating-point numbers and read as it is", r.Kind)}
}

// statisticsHint warns of the average of running statistics.
func statisticsHint(m *onnxgraph.Model, repaired bool) []string {
	kept := statistics(m)
	for _, w := range m.Weights() {
		if !repaired && kept(w) {
			return []string{"the model has BatchNormalization, whose statistics are not those of the average: --calib with samples like the training data estimates them anew"}
		}
	}
	return nil
}

// Hints are plain remarks on the metrics of models of which permuted says that
// units were reordered, and repaired that a repair was asked for.
func (e *EvalReport) Hints(permuted, repaired bool) []string {
	ends := e.ends()
	for _, m := range ends {
		if math.IsNaN(m.Loss) {
			return []string{"a loss that is not a number comes from data or weights that are none, or from a loss that does not go with the outputs (--loss)"}
		}
	}
	if e.Merged == nil || e.Naive == nil {
		return nil
	}
	// Accuracies are NaN where there is none, and then decide nothing.
	worst := math.Inf(1)
	for _, m := range ends {
		worst = min(worst, m.Accuracy)
	}
	usable := 0.8 * worst
	switch {
	case permuted && e.Naive.Loss <= e.Merged.Loss && !(e.Naive.Accuracy < e.Merged.Accuracy) && !(e.Naive.Accuracy < usable):
		return []string{"the naive average is no worse here: these models may share an ancestor, and need no alignment"}
	case e.Merged.Accuracy < usable && repaired:
		return []string{"the merged model is far below its ends although it was repaired: another --repair (auto tries several), more samples for --calib, or other models may help"}
	case e.Merged.Accuracy < usable:
		return []string{"the merged model is far below its ends, as averages of narrow networks are: --calib with samples like the training data mends that"}
	}
	return nil
}

// ends are the metrics of the models that were merged.
func (e *EvalReport) ends() []*eval.Metrics {
	out := e.Models
	for _, m := range []*eval.Metrics{e.A, e.B} {
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}
