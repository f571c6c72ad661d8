package rebasin

import (
	"errors"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Turned says what one kind of continuous symmetry was good for.
type Turned struct {
	Kind     string  `json:"kind"` // see permspec.FreedomKind
	Groups   int     `json:"groups"`
	L2Before float64 `json:"l2_before"` // over the weights of these groups
	L2After  float64 `json:"l2_after"`
}

// approach brings the permuted model nearer to a by continuous symmetries. It is
// an error when the model has none of them.
func (al *Alignment) approach(a *onnxgraph.Model, kinds []permspec.FreedomKind) error {
	var missing []error
	for _, kind := range kinds {
		freedoms := al.Spec.Freedoms(a, kind)
		if len(freedoms) == 0 {
			missing = append(missing, fmt.Errorf("no group of units has the symmetry %v: nothing but %s may stand between the layers that make and read them", kind, kind.Allows()))
			continue
		}
		t := Turned{Kind: kind.String(), Groups: len(freedoms)}
		var err error
		if al.Model, t.L2Before, t.L2After, err = solver.Approach(al.Spec, a, al.Model, counterpart(al.pairs), freedoms); err != nil {
			return fmt.Errorf("symmetry %v: %w", kind, err)
		}
		al.Symmetry = append(al.Symmetry, t)
	}
	if al.Symmetry == nil {
		return errors.Join(missing...)
	}
	return nil
}
