package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// freedomSweeps is how often the freedoms are gone through at most; groups that share weights
// answer to each other. They end when the distance changes by less than sweepChange of itself.
const (
	freedomSweeps = 20
	sweepChange   = 1e-6
)

// Approach uses continuous freedoms of b, whose units stand in a's order, to bring
// its weights nearer to a's, group by group. For Orthogonal that is the R of least
//
//	Σ |W_A - R·W_B|²    over the weights where the group stands
//
// which is UVᵀ, where Σ W_A·W_Bᵀ = USVᵀ (orthogonal Procrustes; Schönemann 1966), for Scale the factor of each
// slot that gives it the balance it has in a. It returns b with other numbers, and the distance
// before and after over the weights that took part. Cost: n times the size of the weights for
// a group of n slots, per sweep.
func Approach(spec *permspec.Spec, a, b *onnxgraph.Model, counterpart Counterpart, freedoms []permspec.Freedom) (out *onnxgraph.Model, before, after float64, err error) {
	ap := &approach{spec: spec, a: map[*onnxgraph.Weight][]float64{}, b: map[*onnxgraph.Weight][]float64{}}
	for _, f := range freedoms {
		if err := ap.add(f, a, b, counterpart); err != nil {
			return nil, 0, 0, err
		}
	}
	before = ap.distance()
	after = before
	for range freedomSweeps {
		for _, s := range ap.strands {
			s.improve()
		}
		last := after
		if after = ap.distance(); !(math.Abs(after-last) > sweepChange*last) {
			break
		}
	}
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for w, numbers := range ap.b {
		other := counterpart.of(w)
		contents[other] = Content(other.Type, numbers)
	}
	return b.With(contents), before, after, nil
}

// approach holds the numbers that take part.
type approach struct {
	spec    *permspec.Spec
	a, b    map[*onnxgraph.Weight][]float64 // by a's weights
	strands []*strands
}

// distance is the root of Σ |W_A - W_B|².
func (ap *approach) distance() float64 {
	sum := 0.0
	for w, x := range ap.a {
		for i, v := range x {
			d := v - ap.b[w][i]
			sum += d * d
		}
	}
	return math.Sqrt(sum)
}

// strands are the elements of a freedom's group: each strand the n numbers that the slots have
// at one place of one weight.
type strands struct {
	kind permspec.FreedomKind
	n    int
	list [][]strand // by the slots of the groups that it is under
}

type strand struct {
	a, b   []float64 // from the first slot's number on
	stride int
	power  int
}

// add reads the weights of a freedom and lists its strands.
func (ap *approach) add(f permspec.Freedom, a, b *onnxgraph.Model, counterpart Counterpart) error {
	g := ap.spec.Groups[f.Group]
	s := &strands{kind: f.Kind, n: g.Size}
	outer := 1
	for _, u := range g.Under {
		outer *= ap.spec.Groups[u].Size
	}
	s.list = make([][]strand, outer)
	for i := range ap.spec.Weights {
		l := &ap.spec.Weights[i]
		power, stands := f.Weights[l.Weight]
		if !stands || power == 0 {
			continue
		}
		other := counterpart.of(l.Weight)
		if other == nil {
			return fmt.Errorf("solver: weight %q has no counterpart", l.Weight.Name)
		}
		var err error
		if ap.a[l.Weight] == nil {
			if ap.a[l.Weight], err = a.Float64s(l.Weight); err != nil {
				return err
			}
			if ap.b[l.Weight], err = b.Float64s(other); err != nil {
				return err
			}
		}
		for _, block := range l.Blocks {
			s.cut(f.Group, &block, ap.a[l.Weight], ap.b[l.Weight], power)
		}
	}
	ap.strands = append(ap.strands, s)
	return nil
}

// cut lists the strands of one block.
func (s *strands) cut(group int, b *permspec.Block, x, y []float64, power int) {
	at := -1
	for k, d := range b.Digits {
		if d.Group == group {
			at = k
		}
	}
	if at < 0 {
		return
	}
	own := b.Digits[at]
	places := make([]int, len(b.Digits))
	var walk func(k int, from int64)
	walk = func(k int, from int64) {
		switch {
		case k == len(b.Digits):
			o := 0
			for _, u := range own.Under {
				o = o*b.Digits[u].Size + places[u]
			}
			s.list[o] = append(s.list[o], strand{x[from:], y[from:], int(own.Stride), power})
		case k == at:
			walk(k+1, from)
		default:
			for i := range b.Digits[k].Size {
				places[k] = i
				walk(k+1, from+int64(i)*b.Digits[k].Stride)
			}
		}
	}
	walk(0, b.Offset)
}

// improve gives b's strands what is best for each outer slot.
func (s *strands) improve() {
	for _, list := range s.list {
		if s.kind == permspec.Orthogonal {
			turn(list, s.n)
			continue
		}
		for i := range s.n {
			balance(list, i)
		}
	}
}

// turn rotates the slots of b towards a's.
func turn(list []strand, n int) {
	m := mat.NewDense(n, n, nil)
	for _, t := range list {
		for i := range n {
			row := m.RawRowView(i)
			x := t.a[i*t.stride]
			for j := range n {
				row[j] += x * t.b[j*t.stride]
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDFull) {
		return // no gain that could be computed
	}
	var u, v, r mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	r.Mul(&u, v.T())
	turned := make([]float64, n)
	for _, t := range list {
		for i := range n {
			sum := 0.0
			for j, x := range r.RawRowView(i) {
				sum += x * t.b[j*t.stride]
			}
			turned[i] = sum
		}
		for i, x := range turned {
			t.b[i*t.stride] = x
		}
	}
}

// balance scales slot i of b so that what makes it and what reads it stand in the
// proportion that they have in a:
//
//	s·|b|/|a| = |b'|/(s·|a'|)
//
// That is where two networks that differ by scales alone meet. (The s of least distance is no
// better guide: where units agree little it makes whatever is large small.) A slot that is not both
// made and read stays.
func balance(list []strand, i int) {
	var made, read struct{ a, b float64 } // squares
	for _, t := range list {
		to := &made
		if t.power < 0 {
			to = &read
		}
		x, y := t.a[i*t.stride], t.b[i*t.stride]
		to.a += x * x
		to.b += y * y
	}
	s := math.Pow(made.a*read.b/(made.b*read.a), 0.25)
	if !(s > 0) || math.IsInf(s, 0) {
		return
	}
	for _, t := range list {
		if t.power > 0 {
			t.b[i*t.stride] *= s
		} else {
			t.b[i*t.stride] /= s
		}
	}
}
