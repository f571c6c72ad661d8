package permspec

import (
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// among is rule r for an operator that has r's inputs at the given places; its
// other inputs are scales and zero points, one number each.
func among(r rule, at ...int) rule {
	return func(c *call) (string, error) { return c.among(r, c.node.Version, at) }
}

func (c *call) among(r rule, version int64, at []int) (string, error) {
	inner := *c.node
	inner.Inputs, inner.Version = make([]*onnxgraph.Value, len(at)), version
	in := make([]string, len(c.node.Inputs))
	for i := range in {
		if in[i] = "~"; c.has(i) {
			in[i] = c.lane(i, "")
		}
	}
	for k, i := range at {
		inner.Inputs[k] = c.in(i)
	}
	sub := &call{node: &inner, info: c.info, sizes: c.sizes}
	t, err := r(sub)
	if err != nil {
		return "", err
	}
	c.reason = sub.reason
	left, right, _ := strings.Cut(t, "->")
	for k, op := range operands(left) {
		if k < len(at) && at[k] < len(in) {
			in[at[k]] = op
		}
	}
	return strings.Join(in, ", ") + " -> " + strings.TrimSpace(right), nil
}

// lanes is r with the given inputs one number, or one for each slot called name.
func lanes(r rule, name string, inputs ...int) rule {
	return func(c *call) (string, error) {
		t, err := r(c)
		if err != nil {
			return "", err
		}
		left, right, _ := strings.Cut(t, "->")
		ops := operands(left)
		for _, i := range inputs {
			if i < len(ops) && c.has(i) {
				ops[i] = c.lane(i, name)
			}
		}
		return strings.Join(ops, ", ") + " -> " + strings.TrimSpace(right), nil
	}
}

// qlinearConcat is com.microsoft QLinearConcat: scale and zero point of the
// result, then each tensor with its own.
func qlinearConcat(c *call) (string, error) {
	var at []int
	for i := 2; i < len(c.node.Inputs); i += 3 {
		at = append(at, i)
	}
	return c.among(concat, c.node.Version, at)
}

// qlinearSoftmax follows the opset that its attribute names.
func qlinearSoftmax(c *call) (string, error) {
	inner := func(c *call) (string, error) {
		n := *c.node
		n.Op = "Softmax"
		return softmax(&call{node: &n, info: c.info, sizes: c.sizes})
	}
	return c.among(inner, c.int("opset", 0), []int{0})
}

// qlinearPool has the channels second or, with channels_last, last.
func qlinearPool(first, last string) rule {
	return func(c *call) (string, error) {
		if c.int("channels_last", 0) != 0 {
			return among(text(last), 0)(c)
		}
		return among(text(first), 0)(c)
	}
}

// quantisedLSTM is com.microsoft DynamicQuantizeLSTM: its weights are turned,
// with one scale and zero point a direction, or one a column.
func quantisedLSTM(c *call) (string, error) {
	ops := []string{"#t b i", "#d i (#4 h)", "#d h (#4 h)", "#d (#8 h)", "b", "#d b h", "#d b h", "#d (#3 h)"}
	for i := range ops {
		if !c.has(i) {
			ops[i] = "~"
		}
	}
	for i := 8; i < 12; i++ {
		switch c.rank(i) {
		case 2:
			ops = append(ops, "#d (#4 h)")
		default:
			ops = append(ops, "#d")
		}
	}
	if h := c.int("hidden_size", 0); h > 0 {
		c.size("h", onnxgraph.Size(h))
	}
	return strings.Join(ops, ", ") + " -> #t #d b h, #d b h, #d b h", nil
}

// matMulNBits multiplies with a matrix kept as blocks of packed numbers: a row
// for each slot of the output, which may move whole.
func matMulNBits(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 1 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	rows := onnxgraph.Size(c.int("N", 0))
	perRow := func(i int, name string) string {
		d, err := c.dims(i)
		if err != nil {
			return "~"
		}
		if len(d) != 1 {
			return "j #" + name
		}
		if n, ok := d[0].Div(rows); ok {
			c.size(name, n)
		}
		c.size("j", rows)
		return fmt.Sprintf("(j #%s)", name)
	}
	x := join(names("x", rank-1))
	bias := "~"
	if c.has(5) {
		bias = "j"
	}
	return fmt.Sprintf("%s #k, j #m #n, %s, %s, %s, %s -> %s j", x, perRow(2, "s"), perRow(3, "z"), c.held(4), bias, x), nil
}
