package solver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/memory"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Counterpart returns the weight of another model that corresponds to one of a
// model, or nil if there is none. A nil Counterpart stands for models that have
// their Weights in common, as those made by Model.With.
type Counterpart func(*onnxgraph.Weight) *onnxgraph.Weight

// of returns the counterpart of w.
func (c Counterpart) of(w *onnxgraph.Weight) *onnxgraph.Weight {
	if c == nil {
		return w
	}
	return c(w)
}

// Lerp returns a with its floating-point weights moved towards those of b:
//
//	(1-λ)·A + λ·B    for any λ, also outside of 0 to 1
//
// An element that has the same bits in both keeps them, so λ = 0 gives A's
// weights and λ = 1 gives B's, bit for bit. Float32 and float64 are computed in
// float64, float16 and bfloat16 in float32, and rounded once, to the nearest and
// to even between two. Other weights, and those without a counterpart, stay A's.
// Nothing is computed before the weights of the result are read.
func Lerp(a, b *onnxgraph.Model, counterpart Counterpart, lambda float64) (*onnxgraph.Model, error) {
	return combine([]*onnxgraph.Model{a, b}, []Counterpart{nil, counterpart}, everywhere(1-lambda, lambda))
}

// Blend is Lerp with a λ of its own for every weight of a.
func Blend(a, b *onnxgraph.Model, counterpart Counterpart, lambda func(*onnxgraph.Weight) float64) (*onnxgraph.Model, error) {
	return combine([]*onnxgraph.Model{a, b}, []Counterpart{nil, counterpart}, func(w *onnxgraph.Weight) []float64 {
		l := lambda(w)
		return []float64{1 - l, l}
	})
}

// everywhere gives the models the same parts in every weight.
func everywhere(parts ...float64) func(*onnxgraph.Weight) []float64 {
	return func(*onnxgraph.Weight) []float64 { return parts }
}

// Average returns the first model with its floating-point weights replaced by
// the weighted means of all. There is a counterpart for each model, from the
// weights of the first; nil counterparts are as for models that have their
// Weights in common, nil weights are all the same, and weights are divided by
// their sum. For the rest see Lerp.
func Average(models []*onnxgraph.Model, counterparts []Counterpart, weights []float64) (*onnxgraph.Model, error) {
	if len(models) == 0 {
		return nil, fmt.Errorf("solver: average of no models")
	}
	if counterparts == nil {
		counterparts = make([]Counterpart, len(models))
	}
	if weights == nil {
		weights = slices.Repeat([]float64{1}, len(models))
	}
	if len(counterparts) != len(models) || len(weights) != len(models) {
		return nil, fmt.Errorf("solver: average of %d models with %d counterparts and %d weights", len(models), len(counterparts), len(weights))
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if !(math.Abs(sum) > 0) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("solver: weights of the models sum to %v", sum)
	}
	parts := make([]float64, len(weights))
	for k, w := range weights {
		parts[k] = w / sum
	}
	return combine(models, counterparts, everywhere(parts...))
}

// combine returns the first model with floating-point weights Σ part·weight.
func combine(models []*onnxgraph.Model, counterparts []Counterpart, parts func(*onnxgraph.Weight) []float64) (*onnxgraph.Model, error) {
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range models[0].Weights() {
		if !w.Type.IsFloat() {
			continue
		}
		sum, err := newMixture(w, models, counterparts, parts(w))
		if err != nil {
			return nil, err
		}
		if !w.Replaceable() {
			if err := sum.agrees(); err != nil {
				return nil, err
			}
		} else if len(sum.weights) > 0 {
			contents[w] = sum.content
		}
	}
	return models[0].With(contents), nil
}

// mixture is one weight of a combined model. Models whose part is zero are left
// out, and so is the whole mixture when it is the first model's weight.
type mixture struct {
	weight  *onnxgraph.Weight
	first   *onnxgraph.Model
	models  []*onnxgraph.Model
	weights []*onnxgraph.Weight
	parts   []float64
}

func newMixture(w *onnxgraph.Weight, models []*onnxgraph.Model, counterparts []Counterpart, parts []float64) (*mixture, error) {
	m := &mixture{weight: w, first: models[0]}
	for k, part := range parts {
		if math.IsNaN(part) || math.IsInf(part, 0) {
			return nil, fmt.Errorf("solver: a model's part is %v", part)
		}
		other := counterparts[k].of(w)
		if k == 0 {
			other = w
		}
		if other == nil {
			return &mixture{weight: w, first: models[0]}, nil
		}
		if other.Type != w.Type || !slices.Equal(other.Shape, w.Shape) {
			return nil, fmt.Errorf("solver: weight %q is %v%v, its counterpart %q of model %d is %v%v", w.Name, w.Type, w.Shape, other.Name, k+1, other.Type, other.Shape)
		}
		if part != 0 {
			m.models, m.weights, m.parts = append(m.models, models[k]), append(m.weights, other), append(m.parts, part)
		}
	}
	if len(m.models) == 1 && m.models[0] == models[0] && m.weights[0] == w {
		m.weights = nil
	}
	return m, nil
}

// agrees returns an error unless the mixture is the first model's weight anyway.
func (m *mixture) agrees() error {
	if len(m.weights) == 0 {
		return nil
	}
	want, err := m.first.Bytes(m.weight)
	if err != nil {
		return fmt.Errorf("solver: combine models: %w", err)
	}
	got, err := m.content()
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("solver: combine models: weight %q cannot be replaced where it is kept", m.weight.Name)
	}
	return err
}

// content computes the weight.
func (m *mixture) content() ([]byte, error) {
	in := make([][]byte, len(m.weights))
	for k, w := range m.weights {
		raw, err := m.models[k].Bytes(w)
		if err != nil {
			return nil, fmt.Errorf("solver: combine models: %w", err)
		}
		in[k] = raw
	}
	if len(in) == 1 && m.parts[0] == 1 {
		return in[0], nil
	}
	out := make([]byte, len(in[0]))
	const chunk = 1 << 18 // bytes; a multiple of every element
	err := parallel.Try(runtime.GOMAXPROCS(0), (len(out)+chunk-1)/chunk, func(n int) error {
		lo, hi := n*chunk, min((n+1)*chunk, len(out))
		part := make([][]byte, len(in))
		for k := range in {
			part[k] = in[k][lo:hi]
		}
		mix(m.weight.Type, out[lo:hi], part, m.parts)
		for k := range in {
			m.models[k].Forget(part[k])
		}
		return nil
	})
	for k := range in {
		memory.Waste(int64(len(in[k])))
	}
	return out, err
}

// mix computes Σ part·in, element by element; one that has the same bits in all
// keeps them.
func mix(t onnxgraph.DataType, out []byte, in [][]byte, parts []float64) {
	le := binary.LittleEndian
	switch t {
	case onnxgraph.Float64:
		for i := 0; i < len(out); i += 8 {
			first, same, sum := le.Uint64(in[0][i:]), true, 0.0
			for k, p := range parts {
				x := le.Uint64(in[k][i:])
				same = same && x == first
				sum += float64(p * math.Float64frombits(x))
			}
			if !same {
				first = math.Float64bits(sum)
			}
			le.PutUint64(out[i:], first)
		}
	case onnxgraph.Float32:
		for i := 0; i < len(out); i += 4 {
			first, same, sum := le.Uint32(in[0][i:]), true, 0.0
			for k, p := range parts {
				x := le.Uint32(in[k][i:])
				same = same && x == first
				sum += float64(p * float64(math.Float32frombits(x)))
			}
			if !same {
				first = math.Float32bits(float32(sum))
			}
			le.PutUint32(out[i:], first)
		}
	default:
		widen, narrow := half.Float16, half.ToFloat16
		if t == onnxgraph.BFloat16 {
			widen, narrow = half.BFloat16, half.ToBFloat16
		}
		for i := 0; i < len(out); i += 2 {
			first, same, sum := le.Uint16(in[0][i:]), true, float32(0)
			for k, p := range parts {
				x := le.Uint16(in[k][i:])
				same = same && x == first
				sum += float32(float32(p) * widen(x))
			}
			if !same {
				first = narrow(sum)
			}
			le.PutUint16(out[i:], first)
		}
	}
}
