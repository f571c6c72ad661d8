package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// normalize makes p.data the weights scaled.
func (p *problem) normalize(how Normalize, layouts []permspec.WeightLayout) error {
	if how == NormalizeNone {
		return nil
	}
	var ends [2]*scaling
	for end := range ends {
		var err error
		ends[end], err = newScaling(how, p.spec, layouts[:p.weights], func(k int) ([]float32, error) {
			w, err := p.raw.read(k)
			return [][]float32{w.a, w.b}[end], err
		})
		if err != nil {
			return err
		}
	}
	p.data = &values{limit: p.raw.limit, size: p.raw.size, read: func(k int) (pair, error) {
		w, err := p.raw.read(k)
		if err != nil || k >= p.weights {
			return w, err
		}
		defer w.forget()
		return pair{a: ends[0].apply(&layouts[k], w.a), b: ends[1].apply(&layouts[k], w.b)}, nil
	}}
	return nil
}

// scaling is what Normalize does to the weights of one model.
type scaling struct {
	how   Normalize
	norms [][]float64 // of each group's slots, with those of the groups it is under, relative to the group's mean
}

// newScaling measures a model: read gives the numbers of weight k.
func newScaling(how Normalize, spec *permspec.Spec, layouts []permspec.WeightLayout, read func(k int) ([]float32, error)) (*scaling, error) {
	s := &scaling{how: how}
	if how != NormalizeUnit {
		return s, nil
	}
	for _, p := range spec.Identity() {
		s.norms = append(s.norms, make([]float64, len(p)))
	}
	for k := range layouts {
		x, err := read(k)
		if err != nil {
			return nil, err
		}
		eachElement(&layouts[k], func(at int64, group, slot int) {
			s.norms[group][slot] += float64(x[at]) * float64(x[at])
		})
	}
	for _, norms := range s.norms {
		mean := 0.0
		for i := range norms {
			norms[i] = math.Sqrt(norms[i])
			mean += norms[i] / float64(len(norms))
		}
		for i := range norms {
			if norms[i] > 1e-6*mean {
				norms[i] /= mean
			} else {
				norms[i] = 1 // a dead unit stays as it is
			}
		}
	}
	return s, nil
}

// apply returns the numbers of a weight scaled; x stays as it is.
func (s *scaling) apply(l *permspec.WeightLayout, x []float32) []float32 {
	x = slices.Clone(x)
	if s.how == NormalizeUnit {
		eachElement(l, func(at int64, group, slot int) { x[at] /= float32(s.norms[group][slot]) })
	}
	if norm := math.Sqrt(f32.Dot(x, x)); norm > 0 {
		f32.Scale(x, float32(1/norm))
	}
	return x
}

// eachElement visits every element of a weight once for each group it moves with;
// slot counts through the group's permutations as Perms lists them.
func eachElement(l *permspec.WeightLayout, visit func(at int64, group, slot int)) {
	for k := range l.Blocks {
		b := &l.Blocks[k]
		places := make([]int, len(b.Digits))
		for at, more := b.Offset, true; more; {
			for d := range b.Digits {
				if dg := &b.Digits[d]; dg.Group >= 0 {
					slot := 0
					for _, u := range dg.Under {
						slot = slot*b.Digits[u].Size + places[u]
					}
					visit(at, dg.Group, slot*dg.Size+places[d])
				}
			}
			more = false
			for d := len(places) - 1; d >= 0 && !more; d-- {
				if places[d]++; places[d] < b.Digits[d].Size {
					at, more = at+b.Digits[d].Stride, true
				} else {
					at -= int64(b.Digits[d].Size-1) * b.Digits[d].Stride
					places[d] = 0
				}
			}
		}
	}
}
