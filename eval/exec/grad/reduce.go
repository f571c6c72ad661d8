package grad

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// reducing is the table of the operators that fold axes into one number.
var reducing = rules{
	"ReduceSum":       reduceRule(func(_, _, _ float64) float64 { return 1 }),
	"ReduceMean":      reduceRule(func(_, _, n float64) float64 { return 1 / n }),
	"ReduceSumSquare": reduceRule(func(x, _, _ float64) float64 { return 2 * x }),
	"ReduceL1":        reduceRule(func(x, _, _ float64) float64 { return sign(x) }),
	"ReduceL2":        reduceRule(func(x, y, _ float64) float64 { return x / y }),
	"ReduceProd":      reduceRule(func(x, y, _ float64) float64 { return y / x }),
	"ReduceLogSum":    reduceRule(func(_, y, _ float64) float64 { return math.Exp(-y) }),
	"ReduceLogSumExp": reduceRule(func(x, y, _ float64) float64 { return math.Exp(x - y) }),
	"ReduceMax":       extremeOf, "ReduceMin": extremeOf,

	"GlobalAveragePool": reduceRule(func(_, _, n float64) float64 { return 1 / n }),
	"GlobalMaxPool":     extremeOf,
}

// reduceRule is that of a fold with derivative slope by each element x of the n
// that gave y.
func reduceRule(slope func(x, y, n float64) float64) Rule {
	return func(c *Call) error {
		x, shape := c.x(0), c.In[0].Shape
		kept := c.keptShape()
		if kept == nil { // nothing is folded
			return same(c)
		}
		n := float64(len(x)) / float64(max(1, size(kept)))
		y, up, down := stretched(c.y(0), kept, shape), stretched(c.Up[0], kept, shape), c.Down[0]
		c.parallel(len(x), 8, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				down[i] += up[i] * float32(slope(float64(x[i]), float64(y[i]), n))
			}
		})
		return nil
	}
}

// extremeOf is the rule of a fold that takes the greatest or least element: those
// that are it share the gradient.
func extremeOf(c *Call) error {
	kept, shape := c.keptShape(), c.In[0].Shape
	if kept == nil {
		return same(c)
	}
	x, y := c.x(0), stretched(c.y(0), kept, shape)
	is := make([]float32, len(x))
	for i, v := range x {
		if v == y[i] {
			is[i] = 1
		}
	}
	count := make([]float32, size(kept))
	gather(count, kept, is, shape)
	f32.Div(count, c.Up[0], count)
	f32.Mul(is, is, stretched(count, kept, shape))
	addTo(c.Down[0], is)
	return nil
}

// keptShape is the shape of a reduction's output with the folded axes kept, nil
// if there are none.
func (c *Call) keptShape() []int {
	kept := slices.Clone(c.In[0].Shape)
	var axes []int
	switch c.Node.Op {
	case "GlobalAveragePool", "GlobalMaxPool":
		for i := 2; i < len(kept); i++ {
			axes = append(axes, i)
		}
	default:
		axes = c.Node.Ints("axes")
		if c.has(1) {
			for _, v := range c.x(1) {
				axes = append(axes, int(v))
			}
		}
		if len(axes) == 0 && c.Node.Flag("noop_with_empty_axes") {
			return nil
		}
		if len(axes) == 0 {
			for i := range kept {
				axes = append(axes, i)
			}
		}
	}
	for _, a := range axes {
		kept[axisOf(a, len(kept))] = 1
	}
	return kept
}
