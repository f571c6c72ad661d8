package solver

import (
	"cmp"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Zip says which two units each unit of an average stands for: one of each model, as
// when permuting, or two of the same (ZipIt!, Stoica et al. 2024).
type Zip struct {
	Freedom permspec.Freedom // of kind Alone, of a group that is under no other
	Pairs   [][2]Unit        // by unit of the average
}

// Unit is one of the units of a group in two models.
type Unit struct{ End, Slot int }

// Pair pairs the 2n units of a group in two models, the most alike first. Likeness is
// between units of the first model, of the second, and of the first and the second, n by n each. Pairs are
// in the order of their first unit. Cost: n²·log n, and 24·n² bytes.
func Pair(n int, first, second, across []float32) [][2]Unit {
	type candidate struct {
		x, y int32 // units of the first model, and n on those of the second
		like float32
	}
	all := make([]candidate, 0, n*(2*n-1))
	for i := range n {
		for k := range n {
			x, y := int32(i), int32(k)
			all = append(all, candidate{x, int32(n) + y, across[i*n+k]})
			if i < k {
				all = append(all, candidate{x, y, first[i*n+k]}, candidate{int32(n) + x, int32(n) + y, second[i*n+k]})
			}
		}
	}
	slices.SortStableFunc(all, func(p, q candidate) int { return cmp.Compare(q.like, p.like) })
	unit := func(k int32) Unit { return Unit{int(k) / n, int(k) % n} }
	taken := make([]bool, 2*n)
	var out [][2]Unit
	for _, c := range all {
		if !taken[c.x] && !taken[c.y] {
			taken[c.x], taken[c.y] = true, true
			out = append(out, [2]Unit{unit(c.x), unit(c.y)})
		}
	}
	slices.SortFunc(out, func(p, q [2]Unit) int {
		return cmp.Or(cmp.Compare(p[0].End, q[0].End), cmp.Compare(p[0].Slot, q[0].Slot))
	})
	return out
}

// share is the weight of member i of a pair in its mean: (1-λ) and λ of units of two
// models, a half each of units of one.
func share(p [2]Unit, i int, lambda float64) float64 {
	switch {
	case p[0].End == p[1].End:
		return 0.5
	case p[i].End == 0:
		return 1 - lambda
	}
	return lambda
}

// Parts lists, for each unit of the average, the units of one model that it stands for and their parts.
func (z *Zip) Parts(end int, lambda float64, visit func(unit, slot int, part float64)) {
	for k, p := range z.Pairs {
		for i, u := range p {
			if u.End == end {
				visit(k, u.Slot, share(p, i, lambda))
			}
		}
	}
}

// Zipped averages two models whose units stand in one order. Units of zipped groups
// are means of the pairs where they are made; where they are read, what reads either of a pair reads their
// mean. All else is as by Lerp.
//
//	W = M_A·W_A·U_A + M_B·W_B·U_B
//
// with M the parts of the pairs on the axis that is made, and U ones on the axis that is read; (1-λ) and λ
// stand for an M that is of no zipped group.
func Zipped(spec *permspec.Spec, a, b *onnxgraph.Model, counterpart Counterpart, lambda float64, zips []Zip) (*onnxgraph.Model, error) {
	out, err := Lerp(a, b, counterpart, lambda)
	if err != nil || len(zips) == 0 {
		return out, err
	}
	ap := &approach{spec: spec, a: map[*onnxgraph.Weight][]float64{}, b: map[*onnxgraph.Weight][]float64{}}
	made := map[*onnxgraph.Weight]bool{}
	for k := range zips {
		z := &zips[k]
		if err := ap.add(z.Freedom, a, b, counterpart); err != nil {
			return nil, err
		}
		for w, power := range z.Freedom.Weights {
			made[w] = made[w] || power > 0
		}
		for _, t := range ap.strands[k].list[0] {
			z.mix(t, lambda)
		}
	}
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for w, x := range ap.a {
		pa, pb := 1-lambda, lambda
		if made[w] {
			pa, pb = 1, 1
		}
		sum := make([]float64, len(x))
		for i, v := range x {
			sum[i] = pa*v + pb*ap.b[w][i]
		}
		contents[w] = Content(w.Type, sum)
	}
	return out.With(contents), nil
}

// mix puts the units of the average in the place of each model's, at one place of one weight.
func (z *Zip) mix(t strand, lambda float64) {
	for end, x := range [2][]float64{t.a, t.b} {
		out := make([]float64, len(z.Pairs))
		z.Parts(end, lambda, func(unit, slot int, part float64) {
			if t.power < 0 {
				part = 1
			}
			out[unit] += part * x[slot*t.stride]
		})
		for k, v := range out {
			x[k*t.stride] = v
		}
	}
}
