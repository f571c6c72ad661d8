package kernel

import (
	"fmt"
	"math"
	"slices"
)

// integer, float and number are the element types that ONNX computes with.
type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type float interface{ float32 | float64 }

type number interface{ integer | float }

// arithmetic is the table of the broadcasting operators on two numbers of one
// type.
var arithmetic = ops{
	"Add":      compute(placed(prepareArith)),
	"Sub":      compute(placed(prepareArith)),
	"Mul":      compute(placed(prepareArith)),
	"Div":      compute(placed(prepareArith)),
	"Max":      compute(prepareFold),
	"Min":      compute(prepareFold),
	"Sum":      compute(prepareFold),
	"Mean":     compute(prepareFold),
	"Mod":      compute(prepareMod),
	"PRelu":    compute(prepareArith),
	"BitShift": compute(prepareBits),

	"BitwiseAnd": compute(prepareBits),
	"BitwiseOr":  compute(prepareBits),
	"BitwiseXor": compute(prepareBits),
	"BitwiseNot": compute(prepareBitNot),
}

// prepareArith prepares Add, Sub, Mul, Div and PRelu.
func prepareArith(n *Node) (Kernel, error) {
	op := n.Op
	return func(c *Call) error { return arith(c, op) }, nil
}

// placed adds what the attribute axis meant before opset 7: the axis of the
// first operand at which the second one's shape begins.
func placed(prepare Prepare) Prepare {
	return func(n *Node) (Kernel, error) {
		run, err := prepare(n)
		if err != nil || n.Version >= 7 || !n.Flag("broadcast") || !n.HasAttr("axis") {
			return run, err
		}
		axis := int(n.Int("axis", 0))
		return func(c *Call) error {
			b := *c.In[1]
			at, err := axisOf(axis, len(c.In[0].Shape))
			if err != nil {
				return err
			}
			shape := slices.Clone(b.Shape)
			for len(shape)+at < len(c.In[0].Shape) {
				shape = append(shape, 1)
			}
			b.Shape = shape
			c.In[1], c.Last[1] = &b, false
			return run(c)
		}, nil
	}
}

// arith computes output 0 from inputs 0 and 1, which are of one type.
func arith(c *Call, op string) error {
	if err := sameType(c.In[0], c.In[1]); err != nil {
		return err
	}
	typ := c.In[0].Type
	switch c.In[0].Data.(type) {
	case []float32:
		if row := quickRow2(op); row != nil {
			return zip(c, typ, row)
		}
		return zip(c, typ, arithRow[float32](op))
	case []float64:
		return zip(c, typ, arithRow[float64](op))
	case []int8:
		return zip(c, typ, arithRow[int8](op))
	case []int16:
		return zip(c, typ, arithRow[int16](op))
	case []int32:
		return zip(c, typ, arithRow[int32](op))
	case []int64:
		return zip(c, typ, arithRow[int64](op))
	case []uint8:
		return zip(c, typ, arithRow[uint8](op))
	case []uint16:
		return zip(c, typ, arithRow[uint16](op))
	case []uint32:
		return zip(c, typ, arithRow[uint32](op))
	case []uint64:
		return zip(c, typ, arithRow[uint64](op))
	}
	return badType(c.In[0])
}

func arithRow[T number](op string) func(d, a, b []T) {
	switch op {
	case "Add", "Sum", "Mean":
		return func(d, a, b []T) {
			b, d = b[:len(a)], d[:len(a)]
			for i, v := range a {
				d[i] = v + b[i]
			}
		}
	case "Sub":
		return func(d, a, b []T) {
			b, d = b[:len(a)], d[:len(a)]
			for i, v := range a {
				d[i] = v - b[i]
			}
		}
	case "Mul":
		return func(d, a, b []T) {
			b, d = b[:len(a)], d[:len(a)]
			for i, v := range a {
				d[i] = v * b[i]
			}
		}
	case "Div":
		return divRow[T]
	case "Max":
		return row2Of(func(a, b T) T { return max(a, b) })
	case "Min":
		return row2Of(func(a, b T) T { return min(a, b) })
	}
	return row2Of(func(x, slope T) T { // PRelu
		if x < 0 {
			return x * slope
		}
		return x
	})
}

// divRow divides. Integer division by zero, which ONNX leaves open, gives zero.
func divRow[T number](d, a, b []T) {
	if half := 0.5; T(half) != 0 {
		for i, v := range a {
			d[i] = v / b[i]
		}
		return
	}
	for i, v := range a {
		if b[i] != 0 {
			d[i] = v / b[i]
		} else {
			d[i] = 0
		}
	}
}

// prepareFold prepares the operators of any number of inputs.
func prepareFold(n *Node) (Kernel, error) {
	op := n.Op
	return func(c *Call) error {
		in, values, last := c.In, c.Values, c.Last
		defer func() { c.In, c.Values, c.Last = in, values, last }()
		if len(in) == 1 {
			return c.Alias(0, 0, in[0].Shape)
		}
		acc := c.Values[0]
		for i := 1; i < len(in); i++ {
			c.In = []*Tensor{&acc.Tensor, in[i]}
			c.Values = []*Value{acc, values[i]}
			c.Last = []bool{i > 1 || last[0], last[i]}
			if err := arith(c, op); err != nil {
				return err
			}
			if i > 1 {
				acc.Release()
			}
			acc = c.Out[0]
		}
		if op == "Mean" {
			return scale(&acc.Tensor, 1/float64(len(in)))
		}
		return nil
	}, nil
}

// scale multiplies a floating-point tensor in place.
func scale(t *Tensor, by float64) error {
	switch x := t.Data.(type) {
	case []float32:
		for i := range x {
			x[i] *= float32(by)
		}
	case []float64:
		for i := range x {
			x[i] *= by
		}
	default:
		return badType(t)
	}
	return nil
}

// prepareMod prepares Mod: the sign of the result is the divisor's for
// integers, the dividend's with fmod=1.
func prepareMod(n *Node) (Kernel, error) {
	fmod := n.Flag("fmod")
	return func(c *Call) error {
		if err := sameType(c.In[0], c.In[1]); err != nil {
			return err
		}
		typ := c.In[0].Type
		switch c.In[0].Data.(type) {
		case []float32:
			return zip(c, typ, row2Of(floatMod[float32](fmod)))
		case []float64:
			return zip(c, typ, row2Of(floatMod[float64](fmod)))
		case []int8:
			return zip(c, typ, row2Of(intMod[int8](fmod)))
		case []int16:
			return zip(c, typ, row2Of(intMod[int16](fmod)))
		case []int32:
			return zip(c, typ, row2Of(intMod[int32](fmod)))
		case []int64:
			return zip(c, typ, row2Of(intMod[int64](fmod)))
		case []uint8:
			return zip(c, typ, row2Of(intMod[uint8](fmod)))
		case []uint16:
			return zip(c, typ, row2Of(intMod[uint16](fmod)))
		case []uint32:
			return zip(c, typ, row2Of(intMod[uint32](fmod)))
		case []uint64:
			return zip(c, typ, row2Of(intMod[uint64](fmod)))
		}
		return badType(c.In[0])
	}, nil
}

func floatMod[T float](fmod bool) func(a, b T) T {
	return func(a, b T) T {
		r := T(math.Mod(float64(a), float64(b)))
		if !fmod && r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r
	}
}

func intMod[T integer](fmod bool) func(a, b T) T {
	return func(a, b T) T {
		if b == 0 {
			return 0
		}
		r := a % b
		if !fmod && r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r
	}
}

func sameType(a, b *Tensor) error {
	if a.Type != b.Type {
		return fmt.Errorf("operands of types %v and %v", a.Type, b.Type)
	}
	return nil
}

func badType(t *Tensor) error { return fmt.Errorf("element type %v is not supported here", t.Type) }
