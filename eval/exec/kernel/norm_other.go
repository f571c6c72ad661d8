package kernel

import (
	"fmt"
	"math"
	"slices"
)

// prepareMeanVariance prepares MeanVarianceNormalization:
// (x - mean) / (sd + 1e-9) over the given axes.
func prepareMeanVariance(n *Node) (Kernel, error) {
	axes := n.Ints("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
	}
	return func(c *Call) error {
		x := c.In[0]
		axes, err := axesOf(axes, len(x.Shape))
		if err != nil {
			return err
		}
		v, err := floats64(x)
		if err != nil {
			return err
		}
		// One group for each index of the axes that stay.
		step := strides(x.Shape)
		group := make([]int, len(x.Shape))
		groups := 1
		for i, d := range x.Shape {
			if !slices.Contains(axes, i) {
				group[i] = groups
				groups *= d
			}
		}
		of := func(i int) int {
			g := 0
			for a, s := range step {
				g += i / s % x.Shape[a] * group[a]
			}
			return g
		}
		mean, sd := make([]float64, groups), make([]float64, groups)
		per := float64(len(v)) / float64(groups)
		for i, f := range v {
			mean[of(i)] += f / per
		}
		for i, f := range v {
			d := f - mean[of(i)]
			sd[of(i)] += d * d / per
		}
		out, err := c.New(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		y := make([]float64, len(v))
		for i, f := range v {
			y[i] = (f - mean[of(i)]) / (math.Sqrt(sd[of(i)]) + 1e-9)
		}
		return castNumber(out, y)
	}, nil
}

// prepareLpNorm prepares LpNormalization: x divided by its norm along an axis.
func prepareLpNorm(n *Node) (Kernel, error) {
	at, p := int(n.Int("axis", -1)), n.Int("p", 2)
	if p != 1 && p != 2 {
		return nil, fmt.Errorf("attribute p is %d, want 1 or 2", p)
	}
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		outer, n, inner := split3(x.Shape, axis)
		out, err := c.Over(0, x.Type, x.Shape, 0)
		if err != nil {
			return err
		}
		switch v := x.Data.(type) {
		case []float32:
			eachLine(c, out.Data.([]float32), v, outer, n, inner, lpLine[float32](p))
		case []float64:
			eachLine(c, out.Data.([]float64), v, outer, n, inner, lpLine[float64](p))
		default:
			return badType(x)
		}
		return nil
	}, nil
}

func lpLine[T float](p int64) func(d, x []T) {
	return func(d, x []T) {
		norm := 0.0
		for _, v := range x {
			if p == 1 {
				norm += math.Abs(float64(v))
			} else {
				norm += float64(v) * float64(v)
			}
		}
		if p == 2 {
			norm = math.Sqrt(norm)
		}
		for i, v := range x {
			if norm != 0 {
				v = T(float64(v) / norm)
			}
			d[i] = v
		}
	}
}

// prepareLRN prepares LRN: x / (bias + alpha/size · Σ x²)^beta, the sum over
// the neighbouring channels.
func prepareLRN(n *Node) (Kernel, error) {
	alpha, beta, bias := float64(n.Float("alpha", 1e-4)), float64(n.Float("beta", 0.75)), float64(n.Float("bias", 1))
	width := int(n.Int("size", 1))
	if width < 1 {
		return nil, fmt.Errorf("attribute size is %d", width)
	}
	return func(c *Call) error {
		x := c.In[0]
		v, ok := x.Data.([]float32)
		if !ok || len(x.Shape) < 2 {
			return fmt.Errorf("shape %v of type %v, want float32 examples and channels", x.Shape, x.Type)
		}
		out, err := c.New(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		d := out.Data.([]float32)
		channels, plane := c.channels()
		c.Parallel(x.Shape[0], channels*plane*width, func(lo, hi int) {
			for e := lo; e < hi; e++ {
				at := e * channels * plane
				for ch := range channels {
					first, last := max(0, ch-(width-1)/2), min(channels-1, ch+width/2)
					for i := range plane {
						sum := 0.0
						for k := first; k <= last; k++ {
							f := float64(v[at+k*plane+i])
							sum += f * f
						}
						j := at + ch*plane + i
						d[j] = float32(float64(v[j]) / math.Pow(bias+alpha/float64(width)*sum, beta))
					}
				}
			}
		})
		return nil
	}, nil
}
