package solver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// specOf writes a spec by hand. Groups are "name size" or "name size under y z";
// weights are "name: axis, axis, …" where an axis is a sum of products of
// groups and frozen sizes, as in "w: 4 a, p 3 + q, #9". A digit is under the
// last digits before it (in the weight) that hold the groups its group is under, or the
// first after it.
func specOf(groups []string, weights []string) *permspec.Spec {
	s := &permspec.Spec{}
	index := map[string]int{}
	for _, line := range groups {
		f := strings.Fields(line)
		n, err := strconv.Atoi(f[1])
		if err != nil {
			panic(err)
		}
		g := permspec.Group{Name: f[0], Size: n}
		for _, y := range f[min(3, len(f)):] {
			g.Under = append(g.Under, index[y])
		}
		index[f[0]] = len(s.Groups)
		s.Groups = append(s.Groups, g)
	}
	for _, line := range weights {
		name, text, _ := strings.Cut(line, ": ")
		s.Weights = append(s.Weights, layoutOf(s, index, name, text))
	}
	return s
}

// term is one product of an axis and where it begins.
type term struct {
	digits []permspec.Digit // strides within the axis
	size   int
	start  int
}

func layoutOf(s *permspec.Spec, index map[string]int, name, text string) permspec.WeightLayout {
	w := &onnxgraph.Weight{Name: name, Type: onnxgraph.Float32}
	var axes [][]term
	for axis := range strings.SplitSeq(text, ",") {
		var terms []term
		total := 0
		for product := range strings.SplitSeq(axis, "+") {
			t := term{size: 1, start: total}
			for _, f := range strings.Fields(product) {
				d := permspec.Digit{Group: -1}
				if g, ok := index[f]; ok {
					d.Group, d.Size = g, s.Groups[g].Size
				} else if n, err := strconv.Atoi(strings.TrimPrefix(f, "#")); err == nil {
					d.Size = n
				} else {
					panic(fmt.Sprintf("%s: %q", name, f))
				}
				t.digits = append(t.digits, d)
				t.size *= d.Size
			}
			stride := t.size
			for k := range t.digits {
				stride /= max(1, t.digits[k].Size)
				t.digits[k].Stride = int64(stride)
			}
			terms = append(terms, t)
			total += t.size
		}
		axes = append(axes, terms)
		w.Shape = append(w.Shape, int64(total))
	}
	l := permspec.WeightLayout{Weight: w, Blocks: []permspec.Block{{}}}
	inner := w.Elements()
	for k, terms := range axes {
		inner /= max(1, w.Shape[k])
		var next []permspec.Block
		for _, b := range l.Blocks {
			for _, t := range terms {
				c := permspec.Block{Offset: b.Offset + int64(t.start)*inner, Digits: slices.Clone(b.Digits)}
				for _, d := range t.digits {
					d.Stride *= inner
					c.Digits = append(c.Digits, d)
				}
				next = append(next, c)
			}
		}
		l.Blocks = next
	}
	for k := range l.Blocks {
		nest(s, l.Blocks[k].Digits)
	}
	return l
}

// nest fills in Under.
func nest(s *permspec.Spec, digits []permspec.Digit) {
	for k := range digits {
		if digits[k].Group < 0 {
			continue
		}
		for _, y := range s.Groups[digits[k].Group].Under {
			at := -1
			for j := range digits {
				if digits[j].Group == y && (at < 0 || j < k) {
					at = j
				}
			}
			digits[k].Under = append(digits[k].Under, at)
		}
	}
}

// pairOf is a problem over random numbers: B is A permuted by the inverse of
// planted (nil: independent of A), with noise added.
type pairOf struct {
	spec *permspec.Spec
	a, b [][]float32
}

func newPair(spec *permspec.Spec, rng *rand.Rand, planted permspec.Perms, noise float64) *pairOf {
	p := &pairOf{spec: spec}
	var hide permspec.Perms
	if planted != nil {
		hide = spec.Invert(planted)
	}
	for k := range spec.Weights {
		n := int(spec.Weights[k].Weight.Elements())
		a, b := make([]float32, n), make([]float32, n)
		for i := range a {
			a[i] = float32(rng.NormFloat64())
		}
		if planted != nil {
			copy(b, permuted(spec, k, hide, a))
			for i := range b {
				b[i] += float32(noise * rng.NormFloat64())
			}
		} else {
			for i := range b {
				b[i] = float32(rng.NormFloat64())
			}
		}
		p.a, p.b = append(p.a, a), append(p.b, b)
	}
	return p
}

// permuted is the definition of a permuted weight, element by element.
func permuted(spec *permspec.Spec, k int, perms permspec.Perms, data []float32) []float32 {
	out := make([]float32, len(data))
	for _, b := range spec.Weights[k].Blocks {
		n := 1
		for _, d := range b.Digits {
			n *= d.Size
		}
		places := make([]int, len(b.Digits))
		for e := range n {
			for k, rest := len(places)-1, e; k >= 0; k-- {
				places[k] = rest % b.Digits[k].Size
				rest /= b.Digits[k].Size
			}
			to, from := b.Offset, b.Offset
			for k, d := range b.Digits {
				slot := places[k]
				if d.Group >= 0 {
					o := 0
					for _, u := range d.Under {
						o = o*b.Digits[u].Size + places[u]
					}
					slot = int(perms[d.Group][o*d.Size+slot])
				}
				to += d.Stride * int64(places[k])
				from += d.Stride * int64(slot)
			}
			out[to] = data[from]
		}
	}
	return out
}

// problem sets the pair up as Match does.
func (p *pairOf) problem() *problem {
	pr, err := layOut(p.spec, p.spec.Weights)
	if err != nil {
		panic(err)
	}
	pr.data.limit, pr.data.size = 1<<30, func(k int) int64 { return int64(len(p.a[k])) }
	pr.data.read = func(k int) (pair, error) { return pair{a: p.a[k], b: p.b[k]}, nil }
	return pr
}

// objective is Σ a·π(b) by definition.
func (p *pairOf) objective(perms permspec.Perms) float64 {
	sum := 0.0
	for k := range p.a {
		for i, y := range permuted(p.spec, k, perms, p.b[k]) {
			sum += float64(p.a[k][i]) * float64(y)
		}
	}
	return sum
}
