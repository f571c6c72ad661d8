package onnxgraph

import "slices"

// maxFolded bounds the integer tensors whose elements are followed, and
// maxFoldedReal the floating-point ones: shapes, bounds and scales are short,
// weights are not.
const (
	maxFolded     = 1024
	maxFoldedReal = 64
)

// Shapes finds what is known of every value of a model, bodies of If, Loop and
// Scan included, in one pass over the nodes, and a few more where the rank of
// what an If gives depends on the branch. It cannot fail: what no rule tells
// and the file does not declare stays unknown. The cost is linear in the nodes;
// bodies of loops are visited up to maxTurns times. Sources: the ONNX operator
// pages, all opsets, and ONNX Runtime's for its own operators.
func Shapes(m *Model) *ShapeInfo { return inferShapes(m.Graph, m.elements) }

// ShapesWithout is Shapes as it would be if the numbers of some weights were not
// known: what it finds is true whatever they are.
func ShapesWithout(m *Model, unknown func(*Weight) bool) *ShapeInfo {
	return inferShapes(m.Graph, func(w *Weight) []elem {
		if unknown(w) {
			return nil
		}
		return m.elements(w)
	})
}

// elements returns the elements of a weight; nil when they cannot be read.
func (m *Model) elements(w *Weight) []elem {
	var elems []elem
	if integral(w.Type) {
		ints, err := m.Int64s(w)
		if err != nil {
			return nil
		}
		for _, n := range ints {
			elems = append(elems, whole(Size(n)))
		}
		return elems
	}
	reals, err := m.Float64s(w)
	if err != nil {
		return nil
	}
	for _, f := range reals {
		elems = append(elems, number(f))
	}
	return elems
}

// integral reports whether elements of type t are integers or truth values.
func integral(t DataType) bool { return t.IsInteger() || t == Bool }

// ShapeInfo is what is known of a model's values before any run: element type,
// rank, sizes, and the elements of small integer tensors. It is found by Shapes
// and never changed; any number of goroutines may ask it.
//
// Sizes that depend on the input are Dims over the symbols of the graph's
// inputs. Symbols are sizes, so they are taken to be positive and no smaller
// than what is cut off them; wherever that is so, two values with equal Dims
// have equal sizes.
type ShapeInfo struct {
	facts   map[*Value]*fact
	numbers func(*Weight) []elem
	taken   map[*Node]bool // Ifs that always go to the then branch, or never
}

// fact is what is known of one value.
type fact struct {
	ranked bool
	dims   []Dim
	typ    DataType
	elems  []elem // nil, or all elements of a tensor of known sizes, row-major
}

// Shape returns the sizes of v's axes, or false when not even the rank is
// known. Axes of unknown size have a symbol of their own. The caller may not
// change the slice.
func (s *ShapeInfo) Shape(v *Value) ([]Dim, bool) {
	f := s.fact(v)
	return f.dims, f.ranked
}

// Ints returns the elements of the integer or boolean tensor v in row-major
// order when all of them are known before the run, as numbers or as
// expressions in the sizes of the inputs; elements may be negative.
func (s *ShapeInfo) Ints(v *Value) ([]Dim, bool) {
	if t := s.Type(v); t != Undefined && !integral(t) {
		return nil, false
	}
	elems, ok := s.elems(v)
	if !ok {
		return nil, false
	}
	ints := integers(elems)
	return ints, !slices.ContainsFunc(ints, Dim.Unknown)
}

// Floats returns the elements of v, integers or not, in row-major order when all
// of them are numbers known before the run; there are few of them.
func (s *ShapeInfo) Floats(v *Value) ([]float64, bool) {
	elems, ok := s.elems(v)
	out := make([]float64, len(elems))
	for i, e := range elems {
		x, known := e.known()
		out[i], ok = x, ok && known
	}
	return out, ok
}

// Type returns the element type of v: what the file declares, otherwise what
// the operators imply, otherwise Undefined.
func (s *ShapeInfo) Type(v *Value) DataType {
	if v == nil {
		return Undefined
	}
	if v.Type != Undefined {
		return v.Type
	}
	return s.fact(v).typ
}

// fact returns what is known of v; never nil.
func (s *ShapeInfo) fact(v *Value) *fact {
	switch {
	case v == nil:
		return &fact{}
	case v.Weight != nil:
		dims := make([]Dim, len(v.Weight.Shape))
		for i, n := range v.Weight.Shape {
			dims[i] = Size(n)
		}
		return &fact{ranked: true, dims: dims, typ: v.Weight.Type}
	case s.facts[v] != nil:
		return s.facts[v]
	}
	return &fact{}
}

// elems returns the elements of v, single ones of which may be unknown, or
// false when nothing is known of any.
func (s *ShapeInfo) elems(v *Value) ([]elem, bool) {
	if v == nil {
		return nil, false
	}
	if v.Weight == nil {
		elems := s.fact(v).elems
		return elems, elems != nil
	}
	limit := int64(maxFoldedReal)
	if integral(v.Weight.Type) {
		limit = maxFolded
	}
	n, ok := count(s.fact(v).dims, limit)
	if !ok {
		return nil, false
	}
	elems := s.numbers(v.Weight)
	return elems, len(elems) == n
}

// count returns the number of elements of a tensor of known sizes, or false
// when a size is not known or the number exceeds the limit.
func count(dims []Dim, limit int64) (int, bool) {
	n := int64(1)
	for _, d := range dims {
		k, ok := d.Known()
		if !ok || k < 0 {
			return 0, false
		}
		if n, ok = mulInt(n, k); !ok {
			return 0, false
		}
	}
	return int(n), n <= limit
}
