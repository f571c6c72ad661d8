package grad

import "math"

// competing is the table of the operators that set the elements along an axis
// against each other.
var competing = rules{"Softmax": softmaxRule, "LogSoftmax": softmaxRule}

// softmaxRule is, along each line,
//
//	Softmax     dx += y·(dy - Σ dy·y)
//	LogSoftmax  dx += dy - exp(y)·Σ dy
//
// A line of which nothing is asked gets nothing, also where it is not a number, as
// in a row that is masked all over.
func softmaxRule(c *Call) error {
	shape := c.In[0].Shape
	def, old := int64(-1), c.Node.Version < 13
	if old {
		def = 1
	}
	axis := axisOf(int(c.Node.Int("axis", def)), max(1, len(shape)))
	outer, n, inner := 1, 1, 1
	if len(shape) > 0 {
		outer, n, inner = size(shape[:axis]), shape[axis], size(shape[axis+1:])
	}
	if old { // all axes from the given one on count as one
		n, inner = n*inner, 1
	}
	logs := c.Node.Op == "LogSoftmax"
	y, up, down := c.y(0), c.Up[0], c.Down[0]
	c.parallel(outer*inner, 4*n, func(lo, hi int) {
		for line := lo; line < hi; line++ {
			at, sum, asked := line/inner*n*inner+line%inner, 0.0, false
			for k, i := 0, at; k < n; k, i = k+1, i+inner {
				asked = asked || up[i] != 0
				if logs {
					sum += float64(up[i])
				} else {
					sum += float64(up[i]) * float64(y[i])
				}
			}
			for k, i := 0, at; asked && k < n; k, i = k+1, i+inner {
				if logs {
					down[i] += up[i] - float32(math.Exp(float64(y[i]))*sum)
				} else {
					down[i] += y[i] * (up[i] - float32(sum))
				}
			}
		}
	})
	return nil
}
