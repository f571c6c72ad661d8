package permspec

import (
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// grouped is text for convolutions: g is the node's group attribute, s0 s1 …
// are the axes that the window slides along, of r0 r1 … slots, p0 p1 … the
// output's. Along an axis where the window has one slot, moves by one and pads
// nothing, every position is by itself and the order does not matter.
func grouped(template string) rule {
	inputs, _, _ := strings.Cut(template, "->")
	weight, first := 0, 0
	for i, op := range operands(inputs) {
		if at := strings.Index(op, "#r"); at >= 0 {
			weight, first = i, len(splitAxes(op[:at]))
		}
	}
	conv := text(template)
	return func(c *call) (string, error) {
		c.size("g", onnxgraph.Size(max(c.int("group", 1), 1)))
		t, err := conv(c)
		if err != nil {
			return "", err
		}
		d, err := c.dims(weight)
		if err != nil {
			return "", err
		}
		for i := range len(d) - 2 {
			if k, ok := d[first+i].Known(); ok && k == 1 && !c.slides(i, len(d)-2) {
				s, p := fmt.Sprintf("s%d", i), fmt.Sprintf("#p%d", i)
				t = strings.NewReplacer("#"+s, s, p, s).Replace(t)
			}
		}
		return t, nil
	}
}

// slides reports whether a window of one slot moves by more than one, or over
// padding, along the i-th of n axes.
func (c *call) slides(i, n int) bool {
	at := func(name string, k int, usual int64) bool {
		a, given := c.node.Attrs[name]
		return !given || k < len(a.Ints) && a.Ints[k] == usual
	}
	_, sized := c.node.Attrs["output_shape"]
	return sized || !at("strides", i, 1) || !at("pads", i, 0) || !at("pads", i+n, 0) || !at("output_padding", i, 0)
}
