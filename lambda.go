package rebasin

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// quick is the repair by which averages are compared where many are: the one that is
// asked for, or what it begins with, or rescaling where it is itself to be chosen.
func (c *Calibration) quick() repair.Kind {
	switch c.Repair {
	case repair.Auto:
		return repair.Rescale
	case repair.Distil:
		return repair.LSQ
	}
	return c.Repair
}

// merges reports whether an average with λ is far enough from both ends to be one.
func merges(lambda float64) bool { return .05 < lambda && lambda < .95 }

// searchLambda finds the λ whose average, repaired, has the least loss on
// calibration data held back, in two passes: λ from .1 to .9 in steps of .2, and
// a tenth to either side of the best.
func (c *Calibration) searchLambda(ctx context.Context, a *onnxgraph.Model, al *Alignment) (float64, error) {
	if c == nil || c.Data == nil {
		return 0, errors.New("choosing λ needs calibration data")
	}
	pair, counterparts := []*onnxgraph.Model{a, al.Model}, []solver.Counterpart{nil, counterpart(al.pairs)}
	best := repair.Trial{Loss: math.Inf(1)}
	lambda := 0.5
	for _, steps := range [][]float64{{-.4, -.2, 0, .2, .4}, {-.1, .1}} {
		var ends [][]repair.End
		var averages []*onnxgraph.Model
		var at []float64
		for _, step := range steps {
			l := lambda + step
			if !merges(l) {
				continue
			}
			at = append(at, l)
			m, err := solver.Lerp(a, al.Model, counterparts[1], l)
			if err != nil {
				return 0, err
			}
			e, err := endsOf(pair, counterparts, []float64{1 - l, l})
			if err != nil {
				return 0, err
			}
			ends, averages = append(ends, e), append(averages, m)
		}
		trials, err := repair.Compare(ctx, ends, averages, c.quick(), c.options())
		if err != nil {
			return 0, fmt.Errorf("choose λ: %w", err)
		}
		for k, t := range trials {
			if t.Loss < best.Loss {
				lambda, best = at[k], t
			}
		}
	}
	return lambda, nil
}
