package kernel

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// logic is the table of the operators that give truth values, and Where.
var logic = ops{
	"Equal":          compute(placed(prepareCompare)),
	"Less":           compute(placed(prepareCompare)),
	"LessOrEqual":    compute(prepareCompare),
	"Greater":        compute(placed(prepareCompare)),
	"GreaterOrEqual": compute(prepareCompare),
	"And":            move(placed(prepareLogic)),
	"Or":             move(placed(prepareLogic)),
	"Xor":            move(placed(prepareLogic)),
	"Not":            move(prepareNot),
	"IsNaN":          compute(prepareIs),
	"IsInf":          compute(prepareIs),
	"Where":          move(prepareWhere),
}

func prepareCompare(n *Node) (Kernel, error) {
	op := n.Op
	return func(c *Call) error {
		if err := sameType(c.In[0], c.In[1]); err != nil {
			return err
		}
		switch c.In[0].Data.(type) {
		case []float32:
			return zip(c, onnxgraph.Bool, compareRow[float32](op))
		case []float64:
			return zip(c, onnxgraph.Bool, compareRow[float64](op))
		case []int8:
			return zip(c, onnxgraph.Bool, compareRow[int8](op))
		case []int16:
			return zip(c, onnxgraph.Bool, compareRow[int16](op))
		case []int32:
			return zip(c, onnxgraph.Bool, compareRow[int32](op))
		case []int64:
			return zip(c, onnxgraph.Bool, compareRow[int64](op))
		case []uint8:
			return zip(c, onnxgraph.Bool, compareRow[uint8](op))
		case []uint16:
			return zip(c, onnxgraph.Bool, compareRow[uint16](op))
		case []uint32:
			return zip(c, onnxgraph.Bool, compareRow[uint32](op))
		case []uint64:
			return zip(c, onnxgraph.Bool, compareRow[uint64](op))
		case []string:
			return zip(c, onnxgraph.Bool, compareRow[string](op))
		case []bool:
			return zip(c, onnxgraph.Bool, row2Of(func(a, b bool) bool { return a == b }))
		}
		return badType(c.In[0])
	}, nil
}

func compareRow[T number | string](op string) func(d []bool, a, b []T) {
	switch op {
	case "Equal":
		return row2Of(func(a, b T) bool { return a == b })
	case "Less":
		return row2Of(func(a, b T) bool { return a < b })
	case "LessOrEqual":
		return row2Of(func(a, b T) bool { return a <= b })
	case "Greater":
		return row2Of(func(a, b T) bool { return a > b })
	}
	return row2Of(func(a, b T) bool { return a >= b })
}

func prepareLogic(n *Node) (Kernel, error) {
	f := func(a, b bool) bool { return a != b }
	switch n.Op {
	case "And":
		f = func(a, b bool) bool { return a && b }
	case "Or":
		f = func(a, b bool) bool { return a || b }
	}
	return func(c *Call) error {
		for _, t := range c.In[:2] {
			if t.Type != onnxgraph.Bool {
				return badType(t)
			}
		}
		return zip(c, onnxgraph.Bool, row2Of(f))
	}, nil
}

func prepareNot(*Node) (Kernel, error) {
	return func(c *Call) error {
		if c.In[0].Type != onnxgraph.Bool {
			return badType(c.In[0])
		}
		return apply(c, onnxgraph.Bool, 1, rowOf(func(x bool) bool { return !x }))
	}, nil
}

// prepareIs prepares IsNaN and IsInf.
func prepareIs(n *Node) (Kernel, error) {
	is := math.IsNaN
	if n.Op == "IsInf" {
		pos, neg := n.Int("detect_positive", 1) != 0, n.Int("detect_negative", 1) != 0
		is = func(x float64) bool { return pos && math.IsInf(x, 1) || neg && math.IsInf(x, -1) }
	}
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return apply(c, onnxgraph.Bool, 1, rowOf(func(x float32) bool { return is(float64(x)) }))
		case []float64:
			return apply(c, onnxgraph.Bool, 1, rowOf(is))
		}
		return badType(c.In[0])
	}, nil
}
