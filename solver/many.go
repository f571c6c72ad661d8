package solver

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// ManyMethod is a way to align more than two models.
type ManyMethod string

// The methods. Mean and Joint climb the same objective, see ManyResult.
const (
	// Star matches every model with one of them, the reference.
	Star ManyMethod = "star"

	// Mean matches each model in turn with the mean of the others as they
	// stand, until none moves (Ainsworth et al. 2022, Algorithm 3, MergeMany).
	Mean ManyMethod = "mean"

	// Joint looks for the permutations of all models into one common order at
	// once, so that going from model to model along any cycle leads back to
	// where it began. It takes up where Mean ends, tries the order that the
	// strongest pairs agree on too, and shakes the best.
	Joint ManyMethod = "joint"
)

// JointUpTo is the number of models up to which Joint is the usual method; it
// matches every pair, Star each model once.
const JointUpTo = 8

// ManyOptions direct MatchMany. The zero value is a good start.
type ManyOptions struct {
	Method       ManyMethod    // "": Joint up to JointUpTo models, Star above
	Counterparts []Counterpart // of each model, from the weights of the first
	Weights      []float64     // of the models; nil: all the same. None below zero
	Reference    int           // the model that Star matches with
	MaxRounds    int           // passes over all models; 0: 50
	Match        Options       // of every matching; Counterpart is not used

	// Pair matches model k with the first, which is the reference, by other than weights. With Star only.
	Pair func(ctx context.Context, k int) (*Result, error)

	Progress func(ManyProgress)
}

// ManyProgress is where MatchMany stands.
type ManyProgress struct {
	Method       ManyMethod
	Round, Model int // from 0; Model is that which was matched last
	Objective    float64
}

// ManySolution is how close models are to each other. With w the models'
// weights, and the sums over pairs i < j,
//
//	Objective = Σ w_i·w_j·<π_i(θ_i), π_j(θ_j)> / Σ w_i·w_j
//	L2        = √(Σ w_i·w_j·|π_i(θ_i) - π_j(θ_j)|² / Σ w_i·w_j)
//
// which for two models are those of Match. Algorithm 3 climbs this objective as
// well: what a model gains against the mean of the others is what the sum gains.
type ManySolution struct {
	Method    ManyMethod // "" for the models as they came
	Objective float64
	L2        float64
	Rounds    int
	Seconds   float64
	Distances [][]float64 // |π_i(θ_i) - π_j(θ_j)| of each pair; nil for more than 26 models
}

// mostDistances is how many models have their distances measured pair by pair.
const mostDistances = 26

// ManyResult is what MatchMany has found.
type ManyResult struct {
	Perms     []permspec.Perms // of every model; the first model's move nothing
	Method    ManyMethod
	Before    ManySolution
	Solutions []ManySolution // of every method that was run, the one asked for last
	Order     []int          // the models in an order that does not depend on how they were given
	Moved     float64        // fraction of free slots of all models but the first that changed place
	Seconds   float64
	Stopped   bool // the context, MaxTime or Stop ended the search
}

// MatchMany looks for the permutations that bring models closest to each other,
// see ManySolution. Spec is that of the first.
//
// The result does not depend on the order in which the models are given, but for
// the order of the units, which is the first model's, and for Star's reference:
// the search takes the models by their norm. When the context ends, the best so
// far is returned without an error.
//
// Cost: Star n-1 matchings; Mean n for each round; Joint n²/2 matchings of pairs
// and several times Mean.
func MatchMany(ctx context.Context, spec *permspec.Spec, models []*onnxgraph.Model, opts ManyOptions) (*ManyResult, error) {
	began := time.Now()
	ctx, done := opts.Match.limit(ctx, began)
	defer done()
	opts.Match.MaxTime, opts.Match.Stop = 0, nil // the limits are those of the whole
	opts.Match.Exclude = butFloats(opts.Match.Exclude)
	m, err := newMany(ctx, spec, models, opts)
	if err != nil {
		return nil, err
	}
	r := &ManyResult{Method: m.opts.Method, Order: m.order}
	start := m.identity()
	if r.Before, err = m.solution("", start); err != nil {
		return nil, err
	}
	perms, err := m.solve(start, r)
	if err != nil {
		return nil, fmt.Errorf("solver: match %d models: %w", len(models), err)
	}
	first := spec.Invert(perms[0])
	for k := range perms {
		perms[k] = spec.Then(perms[k], first)
		r.Moved += spec.Moved(perms[k]) / float64(max(1, len(perms)-1))
	}
	r.Perms, r.Seconds, r.Stopped = perms, time.Since(began).Seconds(), ctx.Err() != nil
	return r, nil
}

// solve runs the methods, of which the last is the one asked for.
func (m *many) solve(perms []permspec.Perms, r *ManyResult) ([]permspec.Perms, error) {
	methods := []ManyMethod{m.opts.Method}
	if m.opts.Method == Joint {
		methods = []ManyMethod{Mean, Joint}
	}
	for _, method := range methods {
		began := time.Now()
		m.now, m.rounds = method, 0
		m.rng = rand.New(rand.NewPCG(m.opts.Match.Seed, uint64(len(m.models))))
		var err error
		switch method {
		case Star:
			perms, err = m.star(m.opts.Reference)
		case Mean:
			perms, err = m.mean(perms)
		case Joint:
			perms, err = m.joint(perms)
		}
		if err != nil {
			return nil, err
		}
		s, err := m.solution(method, perms)
		if err != nil {
			return nil, err
		}
		s.Rounds, s.Seconds = m.rounds, time.Since(began).Seconds()
		r.Solutions = append(r.Solutions, s)
	}
	return perms, nil
}

// many is the alignment of several models.
type many struct {
	ctx    context.Context
	spec   *permspec.Spec
	models []*onnxgraph.Model
	opts   ManyOptions
	order  []int // the models by norm
	rng    *rand.Rand
	now    ManyMethod
	rounds int
}

func newMany(ctx context.Context, spec *permspec.Spec, models []*onnxgraph.Model, opts ManyOptions) (*many, error) {
	n := len(models)
	if n < 2 {
		return nil, fmt.Errorf("solver: %d models cannot be aligned with each other", n)
	}
	if opts.Counterparts == nil {
		opts.Counterparts = make([]Counterpart, n)
	}
	if opts.Weights == nil {
		opts.Weights = slices.Repeat([]float64{1}, n)
	}
	if len(opts.Counterparts) != n || len(opts.Weights) != n {
		return nil, fmt.Errorf("solver: %d models with %d counterparts and %d weights", n, len(opts.Counterparts), len(opts.Weights))
	}
	positive := 0
	for k, w := range opts.Weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("solver: the weight of model %d is %v", k+1, w)
		}
		if w > 0 {
			positive++
		}
	}
	switch {
	case positive == 0:
		return nil, fmt.Errorf("solver: the weights of all %d models are 0", n)
	case opts.Reference < 0 || opts.Reference >= n:
		return nil, fmt.Errorf("solver: there is no model %d to be the reference, of %d", opts.Reference+1, n)
	}
	if opts.Pair != nil && (opts.Method != "" && opts.Method != Star || opts.Reference != 0) {
		return nil, fmt.Errorf("solver: models are matched by other than weights by the method %s, with the first", Star)
	}
	switch opts.Method {
	case "":
		if opts.Method = Star; n <= JointUpTo && opts.Pair == nil {
			opts.Method = Joint
		}
	case Star, Mean, Joint:
	default:
		return nil, fmt.Errorf("solver: there is no method %q for many models", opts.Method)
	}
	if opts.MaxRounds <= 0 {
		opts.MaxRounds = 50
	}
	m := &many{ctx: ctx, spec: spec, models: models, opts: opts}
	return m, m.arrange()
}

// identity returns permutations that move nothing.
func (m *many) identity() []permspec.Perms {
	out := make([]permspec.Perms, len(m.models))
	for k := range out {
		out[k] = m.spec.Identity()
	}
	return out
}

// stopped reports whether the context has ended.
func (m *many) stopped() bool { return m.ctx.Err() != nil }

// tell reports progress.
func (m *many) tell(model int, objective float64) {
	if m.opts.Progress != nil {
		m.opts.Progress(ManyProgress{m.now, m.rounds, model, objective})
	}
}
