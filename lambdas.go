package rebasin

import (
	"context"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// GroupLambda is the weight of B in the average of some of the weights.
type GroupLambda struct {
	Groups []string `json:"groups"` // of the Spec
	Lambda float64  `json:"lambda"`

	weights []*onnxgraph.Weight // of A
}

// mostLambdas is how many λ are searched; the groups of deeper networks share them
// with their neighbours.
const mostLambdas = 8

// searchLambdas gives groups of units a λ of their own: from the common one, each in
// turn goes two tenths up or down where that lowers the loss on calibration data
// held back, and then one tenth, and never to an end. Weights without a group keep the common λ. As the samples
// that a search was led by say little about its worth, the result counts only if it is better than the
// common λ on others, held back anew; otherwise there is none.
func (c *Calibration) searchLambdas(ctx context.Context, a *onnxgraph.Model, al *Alignment, lambda float64) ([]GroupLambda, error) {
	sets := lambdaSets(al.Spec, lambda)
	if len(sets) < 2 {
		return nil, nil
	}
	s := &lambdaSearch{c: c, a: a, al: al, common: lambda}
	best, err := s.losses(ctx, 0, sets)
	if err != nil {
		return nil, err
	}
	for _, step := range []float64{.2, .1} {
		for k := range sets {
			var tried [][]GroupLambda
			for _, l := range []float64{sets[k].Lambda - step, sets[k].Lambda + step} {
				if merges(l) {
					other := slices.Clone(sets)
					other[k].Lambda = l
					tried = append(tried, other)
				}
			}
			losses, err := s.losses(ctx, 0, tried...)
			if err != nil {
				return nil, err
			}
			for i, loss := range losses {
				if loss < best[0] {
					best[0], sets = loss, tried[i]
				}
			}
		}
	}
	check, err := s.losses(ctx, 1, lambdaSets(al.Spec, lambda), sets)
	if err != nil || !(check[1] < check[0]) {
		return nil, err
	}
	return sets, nil
}

// lambdaSets lists the groups, by their outermost ones, in the order of the file.
func lambdaSets(spec *permspec.Spec, lambda float64) []GroupLambda {
	var order []int
	weights := map[int][]*onnxgraph.Weight{}
	for _, l := range spec.Weights {
		last := -1 // the group that the weight makes, rather than one it reads
		for _, b := range l.Blocks {
			for _, d := range b.Digits {
				last = max(last, d.Group)
			}
		}
		if last < 0 {
			continue
		}
		if under := spec.Groups[last].Under; len(under) > 0 {
			last = under[0]
		}
		if !slices.Contains(order, last) {
			order = append(order, last)
		}
		weights[last] = append(weights[last], l.Weight)
	}
	n := min(len(order), mostLambdas)
	sets := make([]GroupLambda, n)
	for i, g := range order {
		s := &sets[i*n/len(order)]
		s.Groups, s.weights, s.Lambda = append(s.Groups, spec.Groups[g].Name), append(s.weights, weights[g]...), lambda
	}
	return sets
}

type lambdaSearch struct {
	c      *Calibration
	a      *onnxgraph.Model
	al     *Alignment
	common float64
}

// losses judges averages on one fifth of the calibration data.
func (s *lambdaSearch) losses(ctx context.Context, fold int, sets ...[]GroupLambda) ([]float64, error) {
	var ends [][]repair.End
	var averages []*onnxgraph.Model
	for _, list := range sets {
		m, e, err := blend(s.a, s.al, s.common, list)
		if err != nil {
			return nil, err
		}
		averages, ends = append(averages, m), append(ends, e)
	}
	o := s.c.options()
	o.Fold = fold
	trials, err := repair.Compare(ctx, ends, averages, s.c.quick(), o)
	if err != nil {
		return nil, fmt.Errorf("choose λ: %w", err)
	}
	var out []float64
	for _, t := range trials {
		out = append(out, t.Loss)
	}
	return out, nil
}

// blend averages A and π(B), some groups by a λ of their own.
func blend(a *onnxgraph.Model, al *Alignment, lambda float64, sets []GroupLambda) (*onnxgraph.Model, []repair.End, error) {
	own := [2]map[*onnxgraph.Weight]float64{{}, {}}
	for _, s := range sets {
		for _, w := range s.weights {
			own[0][w], own[1][w] = 1-s.Lambda, s.Lambda
		}
	}
	m, err := solver.Blend(a, al.Model, counterpart(al.pairs), func(w *onnxgraph.Weight) float64 {
		if l, ok := own[1][w]; ok {
			return l
		}
		return lambda
	})
	if err != nil {
		return nil, nil, err
	}
	ends, err := endsOf([]*onnxgraph.Model{a, al.Model}, []solver.Counterpart{nil, counterpart(al.pairs)}, []float64{1 - lambda, lambda})
	if err != nil {
		return nil, nil, err
	}
	for k := range ends {
		ends[k].Parts = own[k]
	}
	return m, ends, nil
}
