package solver

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// matched calls visit for every weight that the objective is about, in file
// order.
func (m *many) matched(visit func(*onnxgraph.Weight) error) error {
	for _, w := range m.models[0].Weights() {
		if !w.Type.IsFloat() || w.Elements() == 0 || m.opts.Match.Exclude != nil && m.opts.Match.Exclude(w) {
			continue
		}
		missing := func(c Counterpart) bool { return c.of(w) == nil }
		if slices.ContainsFunc(m.opts.Counterparts[1:], missing) {
			continue
		}
		if err := visit(w); err != nil {
			return err
		}
	}
	return nil
}

// counterpart returns the weight of model k that is weight w of the first.
func (m *many) counterpart(k int, w *onnxgraph.Weight) *onnxgraph.Weight {
	if k == 0 {
		return w
	}
	return m.opts.Counterparts[k].of(w)
}

// permuted returns model k with its units in the order that perms say.
func (m *many) permuted(k int, perms permspec.Perms) (*onnxgraph.Model, error) {
	return m.spec.ApplyTo(m.models[k], perms, func(w *onnxgraph.Weight) *onnxgraph.Weight { return m.counterpart(k, w) })
}

// arrange puts the models into an order that depends on neither the order they
// were given in nor that of their units: by norm, and where that is the same, by
// what is in them.
func (m *many) arrange() error {
	norm, sum := make([]float64, len(m.models)), make([][]byte, len(m.models))
	for k, model := range m.models {
		h, square := sha256.New(), 0.0
		err := m.matched(func(w *onnxgraph.Weight) error {
			other := m.counterpart(k, w)
			x, err := model.Float32s(other)
			if err != nil {
				return err
			}
			for _, v := range x {
				square += float64(v) * float64(v)
			}
			raw, err := model.Bytes(other)
			h.Write(raw)
			return err
		})
		if err != nil {
			return fmt.Errorf("solver: model %d: %w", k+1, err)
		}
		// Permuted sums differ by rounding.
		norm[k], sum[k] = float64(float32(square)), h.Sum(nil)
		m.order = append(m.order, k)
	}
	slices.SortStableFunc(m.order, func(i, j int) int {
		return cmp.Or(cmp.Compare(m.opts.Weights[j], m.opts.Weights[i]), cmp.Compare(norm[j], norm[i]), bytes.Compare(sum[i], sum[j]))
	})
	return nil
}

// others returns the mean of all models but k, permuted, in the first model's
// file; nil when their weights are zero.
func (m *many) others(k int, perms []permspec.Perms) (*onnxgraph.Model, error) {
	among := make([]bool, len(m.models))
	for j := range among {
		among[j] = j != k
	}
	return m.average(among, perms)
}

// average returns the mean of some models, permuted, in the first model's file;
// nil when their weights are zero.
func (m *many) average(among []bool, perms []permspec.Perms) (*onnxgraph.Model, error) {
	models, counterparts, parts := []*onnxgraph.Model{m.models[0]}, []Counterpart{nil}, []float64{0}
	total := 0.0
	for _, j := range m.order {
		if !among[j] || m.opts.Weights[j] == 0 {
			continue
		}
		p, err := m.permuted(j, perms[j])
		if err != nil {
			return nil, err
		}
		models, parts = append(models, p), append(parts, m.opts.Weights[j])
		counterparts = append(counterparts, func(w *onnxgraph.Weight) *onnxgraph.Weight { return m.counterpart(j, w) })
		total += m.opts.Weights[j]
	}
	if total == 0 {
		return nil, nil
	}
	return Average(models, counterparts, parts)
}

// solution measures permutations. Memory is that of one weight of every model.
func (m *many) solution(method ManyMethod, perms []permspec.Perms) (ManySolution, error) {
	s := ManySolution{Method: method}
	n := len(m.models)
	models := make([]*onnxgraph.Model, n)
	total, squares := 0.0, 0.0
	for k := range models {
		var err error
		if models[k], err = m.permuted(k, perms[k]); err != nil {
			return s, err
		}
		total += m.opts.Weights[k]
		squares += m.opts.Weights[k] * m.opts.Weights[k]
	}
	pairs := (total*total - squares) / 2 // Σ w_i·w_j
	if pairs <= 0 {                      // one model has all the weight
		return s, nil
	}
	dot, dist := 0.0, 0.0
	if n <= mostDistances {
		s.Distances = make([][]float64, n)
		for k := range s.Distances {
			s.Distances[k] = make([]float64, n)
		}
	}
	err := m.matched(func(w *onnxgraph.Weight) error {
		x := make([][]float32, n)
		for _, k := range m.order {
			var err error
			if x[k], err = models[k].Float32s(m.counterpart(k, w)); err != nil {
				return err
			}
		}
		d, q := m.spread(x, total)
		dot, dist = dot+d, dist+q
		for i, row := range s.Distances {
			for j := range i {
				row[j] += f32.SquaredDistance(x[i], x[j])
			}
		}
		return nil
	})
	for i, row := range s.Distances {
		for j := range i {
			row[j] = math.Sqrt(row[j])
			s.Distances[j][i] = row[j]
		}
	}
	s.Objective, s.L2 = dot/pairs, math.Sqrt(dist/pairs)
	return s, err
}

// spread returns the sums over pairs i < j of w_i·w_j·x_i·x_j and
// w_i·w_j·(x_i - x_j)² of one weight's elements, by way of their mean.
func (m *many) spread(x [][]float32, total float64) (dot, dist float64) {
	for e := range x[0] {
		sum, own := 0.0, 0.0
		for _, k := range m.order {
			v := m.opts.Weights[k] * float64(x[k][e])
			sum += v
			own += v * v
		}
		dot += (sum*sum - own) / 2
		mean := sum / total
		for _, k := range m.order {
			d := float64(x[k][e]) - mean
			dist += total * m.opts.Weights[k] * d * d
		}
	}
	return dot, dist
}
