package kernel

import "math"

// competing is the table of the operators that set the elements along an axis
// against each other.
var competing = ops{
	"Softmax":    compute(prepareSoftmax),
	"LogSoftmax": compute(prepareSoftmax),
	"Hardmax":    compute(prepareSoftmax),
}

// prepareSoftmax prepares Softmax, LogSoftmax and Hardmax. Before opset 13 all
// axes from the given one on count as one.
func prepareSoftmax(n *Node) (Kernel, error) {
	old, op := n.Version < 13, n.Op
	at := int(n.Int("axis", -1))
	if old {
		at = int(n.Int("axis", 1))
	}
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, max(1, len(x.Shape)))
		if err != nil {
			return err
		}
		outer, n, inner := 1, 1, 1
		if len(x.Shape) > 0 {
			outer, n, inner = split3(x.Shape, axis)
		}
		if old {
			n, inner = n*inner, 1
		}
		out, err := c.Over(0, x.Type, x.Shape, 0)
		if err != nil {
			return err
		}
		switch v := x.Data.(type) {
		case []float32:
			eachLine(c, out.Data.([]float32), v, outer, n, inner, softmaxOf[float32](op))
		case []float64:
			eachLine(c, out.Data.([]float64), v, outer, n, inner, softmaxOf[float64](op))
		default:
			return badType(x)
		}
		return nil
	}, nil
}

// eachLine calls f for every line along the middle one of three axes.
func eachLine[T float](c *Call, d, x []T, outer, n, inner int, f func(d, x []T)) {
	if inner == 1 {
		c.Parallel(outer, 8*n, func(lo, hi int) {
			for o := lo; o < hi; o++ {
				f(d[o*n:(o+1)*n], x[o*n:(o+1)*n])
			}
		})
		return
	}
	c.Parallel(outer*inner, 8*n, func(lo, hi int) {
		line := make([]T, n)
		for l := lo; l < hi; l++ {
			at := l/inner*n*inner + l%inner
			for k := range line {
				line[k] = x[at+k*inner]
			}
			f(line, line)
			for k, v := range line {
				d[at+k*inner] = v
			}
		}
	})
}

func softmaxOf[T float](op string) func(d, x []T) {
	switch op {
	case "LogSoftmax":
		return logSoftmaxLine[T]
	case "Hardmax":
		return hardmaxLine[T]
	}
	var f any = softmaxLine[T]
	if _, ok := f.(func(d, x []float32)); ok {
		f = softmax32
	}
	return f.(func(d, x []T))
}

// softmaxLine computes exp(x-m) / Σ exp(x-m) with m the greatest element.
func softmaxLine[T float](d, x []T) {
	m, sum := peak(x), 0.0
	for i, v := range x {
		e := math.Exp(float64(v - m))
		d[i] = T(e)
		sum += e
	}
	for i := range d {
		d[i] = T(float64(d[i]) / sum)
	}
}

// logSoftmaxLine computes x - m - log Σ exp(x-m).
func logSoftmaxLine[T float](d, x []T) {
	m, sum := peak(x), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v - m))
	}
	log := math.Log(sum)
	for i, v := range x {
		d[i] = T(float64(v-m) - log)
	}
}

func hardmaxLine[T float](d, x []T) {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	clear(d)
	if len(d) > 0 {
		d[best] = 1
	}
}

// peak returns the greatest element, 0 if there is none that is finite.
func peak[T float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	if math.IsInf(float64(m), -1) {
		return 0
	}
	return m
}
