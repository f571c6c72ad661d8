package grad

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// pairwise is the table of the broadcasting operators on several numbers.
var pairwise = rules{
	"Add": sumRule, "Sum": sumRule, "Mean": sumRule, "Sub": sumRule, "Mul": mulRule,
	"Div":   pairRule(func(a, b, y float64) (float64, float64) { return 1 / b, -y / b }),
	"Pow":   pairRule(powSlopes),
	"PRelu": pairRule(func(a, b, _ float64) (float64, float64) { return step(a) + step(-a)*b, step(-a) * a }),
	"Max":   extremeRule, "Min": extremeRule,
}

// shape returns the shape of an input. Up to opset 6 an attribute says at which
// axis of the first operand the second one's begins.
func (c *Call) shape(i int) []int {
	shape := c.In[i].Shape
	if c.Node.Version < 7 && i == 1 && c.Node.Flag("broadcast") && c.Node.HasAttr("axis") {
		rank := len(c.In[0].Shape)
		shape = append([]int(nil), shape...)
		for len(shape)+axisOf(int(c.Node.Int("axis", 0)), rank) < rank {
			shape = append(shape, 1)
		}
	}
	return shape
}

// toInput adds a gradient by the output's elements to that of an input, summed
// over what the input was stretched to.
func (c *Call) toInput(i int, up []float32) {
	gather(c.Down[i], c.shape(i), up, c.Out[0].Shape)
}

// sumRule is that of Add, Sub, Sum and Mean: every input gets dy times a number.
func sumRule(c *Call) error {
	for i := range c.In {
		if !c.wants(i) {
			continue
		}
		factor := float32(1)
		switch {
		case c.Node.Op == "Sub" && i == 1:
			factor = -1
		case c.Node.Op == "Mean":
			factor = 1 / float32(len(c.In))
		}
		up := c.Up[0]
		if factor != 1 {
			up = append([]float32(nil), up...)
			f32.Scale(up, factor)
		}
		c.toInput(i, up)
	}
	return nil
}

// mulRule is da += dy·b, db += dy·a.
func mulRule(c *Call) error {
	for i := range 2 {
		if c.wants(i) {
			d := make([]float32, len(c.Up[0]))
			f32.Mul(d, c.Up[0], stretched(c.x(1-i), c.shape(1-i), c.Out[0].Shape))
			c.toInput(i, d)
		}
	}
	return nil
}

// pairRule is that of an operator on two numbers with the given derivatives.
func pairRule(slopes func(a, b, y float64) (da, db float64)) Rule {
	return func(c *Call) error {
		out, up := c.Out[0].Shape, c.Up[0]
		a, b, y := stretched(c.x(0), c.shape(0), out), stretched(c.x(1), c.shape(1), out), c.y(0)
		da, db := make([]float32, len(up)), make([]float32, len(up))
		c.parallel(len(up), 16, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				sa, sb := slopes(float64(a[i]), float64(b[i]), float64(y[i]))
				da[i], db[i] = up[i]*float32(sa), up[i]*float32(sb)
			}
		})
		for i, d := range [][]float32{da, db} {
			if c.wants(i) {
				c.toInput(i, d)
			}
		}
		return nil
	}
}

// powSlopes are those of a^b; the exponent's is 0 where a is not positive.
func powSlopes(a, b, y float64) (da, db float64) {
	if a > 0 {
		db = y * math.Log(a)
	}
	switch b {
	case 0:
		return 0, db
	case 2:
		return 2 * a, db
	}
	return b * math.Pow(a, b-1), db
}

// extremeRule is that of Max and Min: the first input that gave the result gets
// the gradient.
func extremeRule(c *Call) error {
	out, y := c.Out[0].Shape, c.y(0)
	left := append([]float32(nil), c.Up[0]...)
	for i := range c.In {
		x, d := stretched(c.x(i), c.shape(i), out), make([]float32, len(y))
		for k, v := range x {
			if v == y[k] {
				d[k], left[k] = left[k], 0
			}
		}
		if c.wants(i) {
			c.toInput(i, d)
		}
	}
	return nil
}
