package solver

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// newProblem sets up the alignment of b with a.
func newProblem(spec *permspec.Spec, a, b *onnxgraph.Model, opts *Options) (*problem, error) {
	counts := func(w *onnxgraph.Weight) bool {
		return matched(w.Type) && (opts.Exclude == nil || !opts.Exclude(w)) && opts.Counterpart.of(w) != nil
	}
	var layouts []permspec.WeightLayout
	listed := map[*onnxgraph.Weight]bool{}
	for _, l := range spec.Weights {
		listed[l.Weight] = true
		if counts(l.Weight) {
			layouts = append(layouts, l)
		}
	}
	for _, w := range a.Weights() { // nothing in these moves, but they count
		if counts(w) && w.Type.IsFloat() && !listed[w] && w.Elements() > 0 {
			layouts = append(layouts, permspec.WeightLayout{Weight: w, Blocks: []permspec.Block{
				{Digits: []permspec.Digit{{Group: -1, Size: int(w.Elements()), Stride: 1}}}}})
		}
	}
	weights := len(layouts)
	for k := range opts.Likeness {
		l, err := opts.Likeness[k].layout()
		if err != nil {
			return nil, err
		}
		layouts = append(layouts, l)
	}
	p, err := layOut(spec, layouts)
	if err != nil {
		return nil, err
	}
	if err := p.afford(opts.MaxMemory, a); err != nil {
		return nil, fmt.Errorf("solver: %w", err)
	}
	p.weights = weights
	if p.threads = opts.Threads; p.threads <= 0 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	p.raw.limit = keepBytes
	p.raw.size = func(k int) int64 { return layouts[k].Weight.Elements() }
	ours, theirs := newNumbers(a), newNumbers(b)
	checked := make([]atomic.Bool, len(layouts))
	p.raw.read = func(k int) (pair, error) {
		if k >= weights {
			x, y := opts.Likeness[k-weights].numbers()
			return pair{a: x, b: y}, nil
		}
		w := layouts[k].Weight
		other := opts.Counterpart.of(w)
		if other.Elements() != w.Elements() {
			return pair{}, fmt.Errorf("weight %q has %d elements, its counterpart %q %d", w.Name, w.Elements(), other.Name, other.Elements())
		}
		x, doneX, err := ours.of(w)
		if err != nil {
			return pair{}, err
		}
		y, doneY, err := theirs.of(other)
		if err != nil {
			return pair{}, err
		}
		out := pair{x, y, []func(){doneX, doneY}}
		if checked[k].Load() {
			return out, nil
		}
		found, err := matchable(&out, !listed[w])
		if err != nil {
			return out, fmt.Errorf("weight %q of %s %w", [2]string{w.Name, other.Name}[found], [2]string{a.Path, b.Path}[found], err)
		}
		checked[k].Store(found < 0)
		return out, nil
	}
	return p, p.normalize(opts.Normalize, layouts)
}

// largest is how large a number may be for sums of its products to be numbers
// in float32.
const largest = 1e17

// matchable sees to it that the numbers of a weight can be multiplied. Where
// both models hold the same that cannot, infinite or in a weight of which nothing
// moves, as in masks, it counts as 0; found is then 0. Otherwise found tells the
// model that holds it with the error, and is -1 without.
func matchable(p *pair, still bool) (found int, err error) {
	x, y, found := p.a, p.b, -1
	if f32.Dot(x, x) <= largest*largest && f32.Dot(y, y) <= largest*largest { // as mostly
		return found, nil
	}
	for i := range x {
		switch fits := [2]bool{-largest <= x[i] && x[i] <= largest, -largest <= y[i] && y[i] <= largest}; {
		case fits[0] && fits[1]:
			continue
		case x[i] == y[i] && (still || math.IsInf(float64(x[i]), 0)):
		case fits[0]:
			return 1, fmt.Errorf("holds %v, and nothing can be matched to that", y[i])
		default:
			return 0, fmt.Errorf("holds %v, and nothing can be matched to that", x[i])
		}
		if found < 0 {
			p.a, p.b, found = slices.Clone(x), slices.Clone(y), 0
		}
		p.a[i], p.b[i] = 0, 0
	}
	return found, nil
}

// layOut plans the matching of all groups of spec in the given weights.
func layOut(spec *permspec.Spec, layouts []permspec.WeightLayout) (*problem, error) {
	data := &values{}
	p := &problem{spec: spec, data: data, raw: data, weights: len(layouts)}
	size, vary := make([]int, len(spec.Groups)), make([]bool, len(spec.Groups))
	for g := range spec.Groups {
		size[g], vary[g] = spec.Groups[g].Size, true
		for _, u := range spec.Groups[g].Under {
			if u < 0 || u >= g {
				return nil, fmt.Errorf("solver: group %q is not listed after the groups that it is under", spec.Groups[g].Name)
			}
		}
	}
	var boxes []box
	for k := range layouts {
		l := &layouts[k]
		for _, b := range l.Blocks {
			if slices.ContainsFunc(b.Digits, func(d permspec.Digit) bool { return d.Size == 0 }) {
				continue // nothing is there
			}
			if err := checkBlock(spec, &b, l.Weight.Elements()); err != nil {
				return nil, fmt.Errorf("solver: layout of weight %q: %w", l.Weight.Name, err)
			}
			out := box{weight: k}
			for _, d := range b.Digits {
				out.digits = append(out.digits, digit{d.Group, d.Size, int(d.Stride), d.Under})
			}
			boxes = append(boxes, out)
			p.at = append(p.at, place{a: int(b.Offset), b: int(b.Offset)})
		}
	}
	p.plan = newPlan(size, vary, boxes)
	return p, nil
}

// checkBlock says what is wrong with a block of a weight of n elements.
func checkBlock(spec *permspec.Spec, b *permspec.Block, n int64) error {
	last := b.Offset
	for k, d := range b.Digits {
		if d.Size <= 0 || d.Stride < 0 || d.Stride > 0 && int64(d.Size-1) > n/d.Stride {
			return fmt.Errorf("digit %d has size %d, stride %d", k, d.Size, d.Stride)
		}
		last += int64(d.Size-1) * d.Stride
		if d.Group < 0 && len(d.Under) == 0 {
			continue
		}
		if d.Group < 0 || d.Group >= len(spec.Groups) || spec.Groups[d.Group].Size != d.Size || len(spec.Groups[d.Group].Under) != len(d.Under) {
			return fmt.Errorf("digit %d is not that of a group", k)
		}
		for i, u := range d.Under {
			if u < 0 || u >= len(b.Digits) || u == k || b.Digits[u].Group != spec.Groups[d.Group].Under[i] {
				return fmt.Errorf("digit %d is not under the groups that its own is under", k)
			}
		}
	}
	if b.Offset < 0 || last >= n {
		return errors.New("a block reaches beyond the weight")
	}
	return nil
}

// total sums over all weights, as they are, with the given permutations.
func (p *problem) total(perms permspec.Perms) (tally, error) {
	f := &frame{plan: p.plan, data: p.raw, at: p.at, perms: perms, threads: p.threads}
	var sum tally
	for k, b := range f.plan.boxes {
		if b.weight < p.weights {
			t := f.tally(k, nil, true)
			sum.dot += t.dot
			sum.dist += t.dist
		}
	}
	return sum, f.data.failed()
}
