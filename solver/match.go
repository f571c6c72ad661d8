package solver

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Result is the best permutation that Match found.
//
// The objective is Σ a·π(b) and L2 is √Σ (a - π(b))², over all floating-point
// weights that are not excluded, and the 8-bit ones that move, which count as the
// numbers they stand for; Before is for b as it stands.
type Result struct {
	Perms                           permspec.Perms
	ObjectiveBefore, ObjectiveAfter float64
	L2Before, L2After               float64
	Starts                          []Start
	Best                            int     // the start that gave Perms
	Sweeps                          int     // of that start
	Moved                           float64 // fraction of free slots that changed place
	Seconds                         float64
	Stopped                         bool // the context, MaxTime or Stop ended the search
}

// Start is one ascent.
type Start struct {
	Kind      string // "signature", "identity", "circuits", "relaxed", "crossed", "coupled" or "shaken"
	Objective float64
	Sweeps    int
	Seconds   float64
	Perms     permspec.Perms // where it ended
}

// Match looks for the permutations π in the symmetry group of spec that bring b
// closest to a:
//
//	maximise Σ <A_w, π(B_w)>, which is to minimise Σ |A_w - π(B_w)|²
//
// by coordinate ascent (Ainsworth et al. 2022, Algorithm 1): each group in turn
// is matched exactly, all others as they stand, until nothing moves. Groups
// nested in others are matched together with these, exactly where they do not
// meet in one weight. The objective never falls: gains are found in float32, but a
// change is made only when that is more than their rounding can be, or the sum over
// the elements concerned, in float64, rises by it.
//
// Ascent ends in a local optimum, so there are several starts, see Options.Starts.
// The result depends on the arguments but not on the number of threads.
//
// Spec is that of a. When the context, MaxTime or Stop ends the search,
// the best so far is returned without an error. Cost: per sweep one matrix product of each
// weight for each axis, less as fewer slots move.
func Match(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, opts Options) (*Result, error) {
	began := time.Now()
	p, err := newProblem(spec, a, b, &opts)
	if err != nil {
		return nil, err
	}
	ctx, done := opts.limit(ctx, began)
	defer done()
	r, err := p.match(ctx, &opts)
	if err != nil {
		return nil, fmt.Errorf("solver: match weights: %w", err)
	}
	r.Moved = spec.Moved(r.Perms)
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// Sums are Σ a·π(b) and √Σ (a - π(b))² for given permutations, over the weights
// that Match looks at.
func Sums(spec *permspec.Spec, a, b *onnxgraph.Model, perms permspec.Perms, opts Options) (objective, l2 float64, err error) {
	p, err := newProblem(spec, a, b, &opts)
	if err != nil {
		return 0, 0, err
	}
	t, err := p.total(perms)
	return t.dot, math.Sqrt(t.dist), err
}

// problem is the whole alignment problem.
type problem struct {
	spec *permspec.Spec
	plan *plan
	at   []place
	data *values // scaled as Options.Normalize says
	raw  *values // as they are

	weights int // how many there are; what comes after is Options.Likeness
	threads int
}
