package kernel

import "math"

// quick returns the row function of an operator on float32 where there is one
// that does not go through float64; else nil.
func quick(n *Node) func(d, x []float32) {
	switch n.Op {
	case "LeakyRelu":
		alpha := n.Float("alpha", 0.01)
		return func(d, x []float32) {
			d = d[:len(x)]
			for i, v := range x {
				if v < 0 {
					v *= alpha
				}
				d[i] = v
			}
		}
	case "Sqrt":
		return rowOf(func(x float32) float32 { return float32(math.Sqrt(float64(x))) })
	case "Reciprocal":
		return rowOf(func(x float32) float32 { return 1 / x })
	}
	return nil
}

func softmax32(d, x []float32) { softmaxLine(d, x) }
