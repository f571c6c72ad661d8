package rebasin

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// LayerDistance says how far apart a floating-point weight of A and its
// counterpart of B are, before B's units are reordered and after. Relative
// distances are |a - b| / √((|a|² + |b|²)/2): 0 for equal weights, √2 for weights
// that have nothing to do with each other, 2 for opposite ones.
type LayerDistance struct {
	Weight     string  `json:"weight"`
	Other      string  `json:"other,omitempty"` // B's name for it, where that is another
	Shape      []int64 `json:"shape"`
	Permutable bool    `json:"permutable"`           // at least one of its axes is free
	Statistics bool    `json:"statistics,omitempty"` // running means and variances, which matching and totals leave out

	NormA          float64 `json:"norm_a"`
	NormB          float64 `json:"norm_b"`
	L2Before       float64 `json:"l2_before"`
	L2After        float64 `json:"l2_after"`
	RelativeBefore float64 `json:"relative_before"`
	RelativeAfter  float64 `json:"relative_after"`
	Share          float64 `json:"share"` // of the sum of all L2After²
}

// Layers measures the distance of every floating-point weight, in A's file order.
// a and b are what was aligned. Cost: one pass over both models, and one over π(B).
func (al *Alignment) Layers(a, b *onnxgraph.Model) ([]LayerDistance, error) {
	isStatistics, free := statistics(a), freeWeights(al.Spec)
	var out []LayerDistance
	rest := 0.0
	for _, w := range a.Weights() {
		v := al.pairs.Weights[w]
		if v == nil || !w.Type.IsFloat() || w.Elements() == 0 {
			continue
		}
		before, err := measure(a, w, b, v)
		if err != nil {
			return nil, err
		}
		after := before
		if free[w] && al.Match != nil {
			if after, err = measure(a, w, al.Model, v); err != nil {
				return nil, err
			}
		}
		l := LayerDistance{Weight: w.Name, Shape: slices.Clone(w.Shape), Permutable: free[w], Statistics: isStatistics(w),
			NormA: math.Sqrt(before.a), NormB: math.Sqrt(before.b), L2Before: math.Sqrt(before.apart), L2After: math.Sqrt(after.apart),
			RelativeBefore: before.relative(), RelativeAfter: after.relative()}
		if l.Shape == nil {
			l.Shape = []int64{} // a scalar, for JSON
		}
		if v.Name != w.Name {
			l.Other = v.Name
		}
		if !l.Statistics {
			rest += after.apart
		}
		out = append(out, l)
	}
	for i := range out {
		if l := &out[i]; !l.Statistics && rest > 0 {
			l.Share = l.L2After * l.L2After / rest
		}
	}
	return out, nil
}

// Carriers returns the layers that hold most of the distance that is left: the
// fewest that make up the given part of it, largest first.
func Carriers(layers []LayerDistance, part float64) []LayerDistance {
	sorted := slices.Clone(layers)
	slices.SortStableFunc(sorted, func(x, y LayerDistance) int { return cmp.Compare(y.Share, x.Share) })
	sum := 0.0
	for i, l := range sorted {
		if sum >= part || l.Share == 0 {
			return sorted[:i]
		}
		sum += l.Share
	}
	return sorted
}

// freeWeights tells the weights that have a free axis.
func freeWeights(spec *permspec.Spec) map[*onnxgraph.Weight]bool {
	out := map[*onnxgraph.Weight]bool{}
	for _, l := range spec.Weights {
		out[l.Weight] = true
	}
	return out
}

// squares are |a|², |b|² and |a - b|² of numbers that stand in one order.
type squares struct{ a, b, apart float64 }

// relative is the distance in relation to the norms, see LayerDistance.
func (s squares) relative() float64 {
	if s.apart == 0 {
		return 0
	}
	return math.Sqrt(s.apart / ((s.a + s.b) / 2))
}

func (s *squares) add(t squares) {
	s.a, s.b, s.apart = s.a+t.a, s.b+t.b, s.apart+t.apart
}

// measure compares a weight with its counterpart. Infinities that both hold, as
// masks do, are no distance; what else is not finite is an error.
func measure(a *onnxgraph.Model, w *onnxgraph.Weight, b *onnxgraph.Model, v *onnxgraph.Weight) (squares, error) {
	x, doneX, err := a.Float32View(w)
	if err != nil {
		return squares{}, err
	}
	defer doneX()
	y, doneY, err := b.Float32View(v)
	if err != nil {
		return squares{}, err
	}
	defer doneY()
	if len(x) != len(y) {
		return squares{}, fmt.Errorf("weight %q has %d elements, its counterpart %q %d", w.Name, len(x), v.Name, len(y))
	}
	var s squares
	for i := range x {
		p, q := float64(x[i]), float64(y[i])
		if p == q && math.IsInf(p, 0) {
			continue
		}
		s.a, s.b, s.apart = s.a+p*p, s.b+q*q, s.apart+(p-q)*(p-q)
	}
	if math.IsNaN(s.apart) || math.IsInf(s.apart, 0) {
		return squares{}, fmt.Errorf("weight %q of %s or %q of %s holds what is not finite: there is no distance", w.Name, a.Path, v.Name, b.Path)
	}
	return s, nil
}
