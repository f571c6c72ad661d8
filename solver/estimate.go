package solver

import (
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Estimate is what a matching is going to take, known from sizes alone.
type Estimate struct {
	Parameters int64   // numbers of one model that stand with a group
	Largest    int64   // of these, in one weight
	Units      int     // groups that are matched one after the other
	Operations float64 // floating-point operations to compute all gains once, which the first sweep does

	// Bytes of memory held at once: weights that are decoded, of both models,
	// and gain matrices.
	Weights, Gains int64
}

// EstimateMatch estimates what Match needs for a spec; it reads no weights.
func EstimateMatch(spec *permspec.Spec) (Estimate, error) {
	var layouts []permspec.WeightLayout
	var e Estimate
	for _, l := range spec.Weights {
		if matched(l.Weight.Type) {
			layouts = append(layouts, l)
			e.Parameters += l.Weight.Elements()
			e.Largest = max(e.Largest, l.Weight.Elements())
		}
	}
	p, err := layOut(spec, layouts)
	if err != nil {
		return e, err
	}
	e.Units = len(p.plan.units)
	e.Weights = min(8*e.Parameters, max(keepBytes, 8*e.Largest))
	for n := range p.plan.units {
		e.Operations += p.plan.operations(n)
	}
	if e.Gains = p.plan.allGains; e.Gains > keepBytes {
		e.Gains = p.plan.largestGains
	}
	return e, nil
}

// operations counts what the gains of a unit cost: two for each element of a
// site and each slot it may be matched with.
func (p *plan) operations(n int) float64 {
	u := &p.units[n]
	total := 0.0
	count := func(sites []site) {
		for _, s := range sites {
			elements, slots := 1.0, 1.0
			for _, d := range p.boxes[s.box].digits {
				elements *= float64(d.size)
			}
			for _, d := range s.rows {
				slots *= float64(p.boxes[s.box].digits[d].size)
			}
			total += 2 * elements * slots
		}
	}
	count(u.plain)
	for _, in := range u.inner {
		count(in.sites)
	}
	return total
}
