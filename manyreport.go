package rebasin

import (
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// ManyReport says how near to each other three models or more were brought.
// Before is for the models as they came; solutions list every method that was
// run, the one whose result is used last. See solver.ManySolution.
type ManyReport struct {
	Method    string       `json:"method"`
	Before    *Solution    `json:"before,omitempty"`
	Solutions []Solution   `json:"solutions,omitempty"`
	Models    []*ManyModel `json:"models"`
	Seconds   float64      `json:"seconds,omitempty"`
	Stopped   bool         `json:"stopped,omitempty"`
}

// Solution is what one method reached.
type Solution struct {
	Method    string  `json:"method,omitempty"`
	Objective float64 `json:"objective"`
	L2        float64 `json:"l2"`
	Rounds    int     `json:"rounds,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`

	Distances [][]float64 `json:"distances,omitempty"` // of each pair of models, up to 26 of them
}

// ManyModel is one of the models: its part in the average, the fraction of its
// free slots that changed place, and whether it computes the same without.
type ManyModel struct {
	Path   string             `json:"path"`
	Weight float64            `json:"weight"`
	Moved  float64            `json:"moved"`
	Verify *eval.Verification `json:"verify,omitempty"`
}

func solution(s solver.ManySolution) Solution {
	return Solution{string(s.Method), s.Objective, s.L2, s.Rounds, s.Seconds, s.Distances}
}

// Report fills in what the merge has to say.
func (m *MergedMany) Report() Report {
	many := &ManyReport{Method: "none"}
	for k, a := range m.Aligned {
		many.Models = append(many.Models, &ManyModel{Path: a.Path, Weight: m.Weights[k]})
		if m.Verifications != nil {
			many.Models[k].Verify = m.Verifications[k]
		}
		if m.Match != nil {
			many.Models[k].Moved = m.Spec.Moved(m.Match.Perms[k])
		}
	}
	r := Report{Method: "none", Many: many}
	spec := m.Spec.Summary()
	r.Spec = &spec
	if s := m.Match; s != nil {
		r.Method, many.Method, many.Seconds, many.Stopped = m.method, string(s.Method), s.Seconds, s.Stopped
		before := solution(s.Before)
		many.Before = &before
		for _, x := range s.Solutions {
			many.Solutions = append(many.Solutions, solution(x))
		}
	}
	return r
}
