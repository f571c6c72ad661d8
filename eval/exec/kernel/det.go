package kernel

import (
	"fmt"
	"math"
)

// prepareDet prepares Det, by elimination with pivots, in float64.
func prepareDet(*Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.In[0]
		lead := len(x.Shape) - 2
		if lead < 0 || x.Shape[lead] != x.Shape[lead+1] {
			return fmt.Errorf("shape %v, want square matrices", x.Shape)
		}
		v, err := floats64(x)
		if err != nil {
			return err
		}
		n := x.Shape[lead]
		out := make([]float64, size(x.Shape[:lead]))
		for i := range out {
			out[i] = determinant(append([]float64(nil), v[i*n*n:][:n*n]...), n)
		}
		return c.give(0, x.Type, out, x.Shape[:lead]...)
	}, nil
}

func determinant(a []float64, n int) float64 {
	det := 1.0
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[p*n+k]) {
				p = i
			}
		}
		if a[p*n+k] == 0 {
			return 0
		}
		if p != k {
			for j := range n {
				a[k*n+j], a[p*n+j] = a[p*n+j], a[k*n+j]
			}
			det = -det
		}
		det *= a[k*n+k]
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / a[k*n+k]
			for j := k; j < n; j++ {
				a[i*n+j] -= f * a[k*n+j]
			}
		}
	}
	return det
}
