package solver

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// A fit is a model's permutations after a matching, the objective of that
// matching, and by how much it rose.
type fit struct {
	perms       permspec.Perms
	value, gain float64
}

// rematch matches model k, as perms have it, with a model in the first one's
// file.
func (m *many) rematch(k int, target *onnxgraph.Model, perms permspec.Perms, opts Options) (fit, error) {
	b, err := m.permuted(k, perms)
	if err != nil {
		return fit{}, err
	}
	opts.Counterpart = func(w *onnxgraph.Weight) *onnxgraph.Weight { return m.counterpart(k, w) }
	r, err := Match(m.ctx, m.spec, target, b, opts)
	if err != nil {
		return fit{}, fmt.Errorf("model %d: %w", k+1, err)
	}
	gain := r.ObjectiveAfter - r.ObjectiveBefore
	if !(gain > 1e-12*math.Abs(r.ObjectiveBefore)) {
		return fit{perms, r.ObjectiveBefore, 0}, nil
	}
	return fit{m.spec.Then(perms, r.Perms), r.ObjectiveAfter, gain}, nil
}

// star matches every model with one of them.
func (m *many) star(reference int) ([]permspec.Perms, error) {
	perms := m.identity()
	target, err := m.asFirst(reference, perms[reference])
	if err != nil {
		return nil, err
	}
	m.rounds = 1
	for _, k := range m.order {
		if k == reference || m.stopped() {
			continue
		}
		if m.opts.Pair != nil {
			r, err := m.opts.Pair(m.ctx, k)
			if err != nil {
				return nil, err
			}
			perms[k] = r.Perms
			m.tell(k, r.ObjectiveAfter)
			continue
		}
		s, err := m.rematch(k, target, perms[k], m.opts.Match)
		if err != nil {
			return nil, err
		}
		perms[k] = s.perms
		m.tell(k, s.value)
	}
	return perms, nil
}

// asFirst returns model k, permuted, in the first one's file.
func (m *many) asFirst(k int, perms permspec.Perms) (*onnxgraph.Model, error) {
	p, err := m.permuted(k, perms)
	if err != nil || k == 0 {
		return p, err
	}
	return Lerp(m.models[0], p, m.opts.Counterparts[k], 1)
}

// mean is Algorithm 3. The first two rounds search, later ones only climb.
func (m *many) mean(perms []permspec.Perms) ([]permspec.Perms, error) {
	search := m.opts.Match
	if search.Starts <= 0 || search.Starts > 2 {
		search.Starts = 2
	}
	climb := m.opts.Match
	climb.Ascend = true
	return m.climb(perms, func(round int) Options {
		if round < 2 {
			return search
		}
		return climb
	}, 3)
}

// climb matches model after model with the mean of the others, until a round
// from the given one on brings nothing.
func (m *many) climb(perms []permspec.Perms, opts func(round int) Options, least int) ([]permspec.Perms, error) {
	perms = slices.Clone(perms)
	now, err := m.solution("", perms)
	if err != nil {
		return nil, err
	}
	for round := 0; round < m.opts.MaxRounds; round++ {
		gained := 0.0
		for _, at := range m.rng.Perm(len(m.order)) {
			if m.stopped() {
				return perms, nil
			}
			k := m.order[at]
			target, err := m.others(k, perms)
			if err != nil {
				return nil, err
			}
			if target == nil {
				continue
			}
			s, err := m.rematch(k, target, perms[k], opts(round))
			if err != nil {
				return nil, err
			}
			perms[k] = s.perms
			gained += s.gain * m.share(k)
			m.tell(k, now.Objective+gained)
		}
		m.rounds++
		now.Objective += gained
		if round+1 >= least && gained <= 1e-9*math.Abs(now.Objective) {
			break
		}
	}
	return perms, nil
}

// share is what the objective gains for each unit that model k gains against
// the mean of the others.
func (m *many) share(k int) float64 {
	total, squares := 0.0, 0.0
	for _, w := range m.opts.Weights {
		total += w
		squares += w * w
	}
	w := m.opts.Weights[k]
	return w * (total - w) / ((total*total - squares) / 2)
}

// shakes is how many times Joint shakes the best order so far.
const shakes = 3

// joint betters a common order of all models. Starts are the order it is given,
// and the one along the strongest pairs; then half of the models, drawn anew each
// time, are matched from scratch with the mean of the other half.
func (m *many) joint(perms []permspec.Perms) ([]permspec.Perms, error) {
	best, value, err := m.settle(perms)
	if err != nil {
		return nil, err
	}
	better := func(start func() ([]permspec.Perms, error)) error {
		if m.stopped() {
			return nil
		}
		from, err := start()
		if err != nil {
			return err
		}
		p, v, err := m.settle(from)
		if err == nil && v > value+1e-12*math.Abs(value) {
			best, value = p, v
		}
		return err
	}
	if err := better(m.tree); err != nil {
		return nil, err
	}
	for range shakes {
		if err := better(func() ([]permspec.Perms, error) { return m.shake(best) }); err != nil {
			return nil, err
		}
	}
	return best, nil
}

// settle climbs by single sweeps, so that no model commits itself before the
// others have moved, and returns where that ends.
func (m *many) settle(perms []permspec.Perms) ([]permspec.Perms, float64, error) {
	opts := m.opts.Match
	opts.Ascend, opts.MaxSweeps = true, 1
	perms, err := m.climb(perms, func(int) Options { return opts }, 1)
	if err != nil {
		return nil, 0, err
	}
	s, err := m.solution("", perms)
	return perms, s.Objective, err
}

// shake matches half of the models anew with the mean of the other half.
func (m *many) shake(perms []permspec.Perms) ([]permspec.Perms, error) {
	perms = slices.Clone(perms)
	stay := make([]bool, len(perms))
	drawn := m.rng.Perm(len(perms))
	for _, at := range drawn[:(len(perms)+1)/2] {
		stay[m.order[at]] = true
	}
	target, err := m.average(stay, perms)
	if err != nil || target == nil {
		return perms, err
	}
	opts := m.opts.Match
	for _, k := range m.order {
		if stay[k] || m.stopped() {
			continue
		}
		opts.Seed = m.rng.Uint64()
		s, err := m.rematch(k, target, m.spec.Identity(), opts)
		if err != nil {
			return nil, err
		}
		perms[k] = s.perms
	}
	return perms, nil
}
