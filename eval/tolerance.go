package eval

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// tolerance is how far two runs of one function may be apart: elements a and b
// of an output agree when
//
//	|a - b| ≤ max(atol + rtol · max|a|, 20 · noise)
//
// with the maximum over the whole output in that run. Rounding errors of a sum
// are in proportion to its terms, not to the sum: an element near zero among
// large ones may be far off in relation to itself, so elements are not
// compared with themselves.
//
// The noise is what rounding does to this very model on this very input, see
// jittered: networks differ in that by orders of magnitude.
//
// In a quantised model rounding may move an element by whole steps, but few of
// them: there the mean of |a - b| over the output must also be below a fraction
// of the mean of |a|.
type tolerance struct{ atol, rtol, mean float64 }

// noiseFactor allows for a reordered sum rounding worse than one draw of
// jittered weights.
const noiseFactor = 20

// tolerances by the coarsest numbers that a model computes with. The first two
// go with a measured noise; the others must suffice alone.
var (
	toleranceFloat64   = tolerance{1e-14, 1e-13, 0}
	toleranceFloat32   = tolerance{1e-7, 1e-5, 0}
	tolerancePlain     = tolerance{1e-6, 1e-4, 0} // float32 without a measured noise
	toleranceFloat16   = tolerance{1e-4, 1e-2, 0}
	toleranceBFloat16  = tolerance{1e-3, 5e-2, 0}
	toleranceQuantised = tolerance{1e-4, 0.25, 5e-3}
)

// forType is the tolerance for an output of some type. Whole numbers and truth
// values must be equal, but 8-bit ones, which are rounded, may be one apart.
func (t tolerance) forType(dtype onnxgraph.DataType) tolerance {
	switch {
	case dtype == onnxgraph.Int8, dtype == onnxgraph.Uint8:
		return tolerance{atol: 1}
	case dtype.IsInteger(), dtype == onnxgraph.Bool, dtype == onnxgraph.String:
		return tolerance{}
	}
	return t
}

// or replaces the numbers that are given.
func (t tolerance) or(atol, rtol float64) tolerance {
	if atol != 0 {
		t.atol, t.mean = atol, 0
	}
	if rtol != 0 {
		t.rtol, t.mean = rtol, 0
	}
	return t
}

// precisionOf finds the tolerance for the coarsest numbers that a model
// computes with. Weights that are kept coarsely but widened do not count.
func precisionOf(m *onnxgraph.Model, shapes *onnxgraph.ShapeInfo) tolerance {
	seen := map[onnxgraph.DataType]bool{}
	quantised := false
	everyNode(m.Graph, func(n *onnxgraph.Node) {
		switch n.Op {
		case "QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "DynamicQuantizeMatMul",
			"DynamicQuantizeLSTM", "QAttention", "QGemm":
			quantised = true
		case "Identity", "Constant", "Cast":
		default:
			for _, v := range n.Outputs {
				seen[shapes.Type(v)] = true
			}
		}
	})
	switch {
	case seen[onnxgraph.BFloat16]:
		return toleranceBFloat16
	case quantised:
		return toleranceQuantised
	case seen[onnxgraph.Float16]:
		return toleranceFloat16
	case seen[onnxgraph.Float64] && !seen[onnxgraph.Float32]:
		return toleranceFloat64
	}
	return toleranceFloat32
}

// everyNode calls f for the nodes of a graph and of the bodies in it.
func everyNode(g *onnxgraph.Graph, f func(*onnxgraph.Node)) {
	for _, n := range g.Nodes {
		f(n)
		for _, a := range n.Attrs {
			if a.Graph != nil {
				everyNode(a.Graph, f)
			}
			for _, body := range a.Graphs {
				everyNode(body, f)
			}
		}
	}
}

// gap is the difference of two tensors of numbers.
type gap struct {
	shapes   bool // the shapes differ
	broken   int  // elements where only one is a number, or infinities differ
	n        int
	maxAbs   float64
	sumAbs   float64
	maxA     float64 // largest finite |a|
	sumA     float64
	low      float64 // smallest and largest finite element of a
	high     float64
	nonsense int  // elements of a that are not finite
	fraction bool // an element of a is not a whole number
}

// gapOf compares two tensors element by element. Elements that are both NaN, or
// the same infinity, agree.
func gapOf(a, b *onnxgraph.Tensor) (gap, error) {
	x, err := floats(a)
	if err != nil {
		return gap{}, err
	}
	y, err := floats(b)
	if err != nil {
		return gap{}, err
	}
	g := gap{shapes: len(a.Shape) != len(b.Shape) || len(x) != len(y), low: math.Inf(1), high: math.Inf(-1)}
	for i := 0; i < len(a.Shape) && !g.shapes; i++ {
		g.shapes = a.Shape[i] != b.Shape[i]
	}
	if g.shapes {
		return g, nil
	}
	g.compare(x, y)
	return g, nil
}

func (g *gap) compare(x, y []float64) {
	for i, v := range x {
		w := y[i]
		g.n++
		if math.IsNaN(v) || math.IsInf(v, 0) {
			g.nonsense++
			if v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
				g.broken++
			}
			continue
		}
		if math.IsNaN(w) || math.IsInf(w, 0) {
			g.broken++
			continue
		}
		g.fraction = g.fraction || v != math.Trunc(v)
		d := math.Abs(v - w)
		g.maxAbs, g.sumAbs = math.Max(g.maxAbs, d), g.sumAbs+d
		g.maxA, g.sumA = math.Max(g.maxA, math.Abs(v)), g.sumA+math.Abs(v)
		g.low, g.high = math.Min(g.low, v), math.Max(g.high, v)
	}
}

// mean is the mean difference.
func (g *gap) mean() float64 { return g.sumAbs / float64(max(1, g.n)) }

// relative is the largest difference as a part of the largest |a|; all of it, 1, where a is 0 everywhere.
func (g *gap) relative() float64 {
	if g.maxA == 0 {
		return 1
	}
	return g.maxAbs / g.maxA
}

// limit is the largest difference that the tolerance lets pass.
func (t tolerance) limit(g gap, noise float64) float64 {
	return max(t.atol+t.rtol*g.maxA, noiseFactor*noise)
}

// holds reports whether two tensors agree.
func (t tolerance) holds(g gap, noise float64) bool {
	return t.holdsEach(g, noise) && (t.mean == 0 || g.mean() <= t.meanLimit(g))
}

// holdsEach reports whether two tensors agree element by element.
func (t tolerance) holdsEach(g gap, noise float64) bool {
	return !g.shapes && g.broken == 0 && g.maxAbs <= t.limit(g, noise)
}

// meanOnly reports whether two tensors agree element by element, but not in the mean.
func (t tolerance) meanOnly(g gap, noise float64) bool {
	return t.holdsEach(g, noise) && !t.holds(g, noise)
}

// meanLimit is the largest mean difference that the tolerance lets pass, where it has one.
func (t tolerance) meanLimit(g gap) float64 { return t.mean*g.sumA/float64(max(1, g.n)) + t.atol }
