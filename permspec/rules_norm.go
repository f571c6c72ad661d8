package permspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// batchNorm takes the statistics of each channel as inputs.
func batchNorm(c *call) (string, error) {
	if c.int("spatial", 1) == 0 {
		return "", fmt.Errorf("it normalises every position by itself (spatial=0)")
	}
	return text("n c s.., c, c, c, c -> n c s.., c, c, c, c")(c)
}

// groupNorm has one scale a group before opset 21, one a channel after.
func groupNorm(c *call) (string, error) {
	c.size("g", onnxgraph.Size(max(c.int("num_groups", 1), 1)))
	if c.node.Version < 21 {
		return text("n (g c) s.., g, g -> n (g c) s.., n g")(c)
	}
	return text("n (g c) s.., (g c), (g c) -> n (g c) s.., n g")(c)
}

// layerNorm normalises over the axes from attribute axis on.
func layerNorm(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	at, err := axis(c.int("axis", -1), len(d))
	if err != nil {
		return "", err
	}
	outer, inner := names("x", at), names("d", len(d)-at)
	var scales []string
	for i := 1; i < len(c.node.Inputs); i++ {
		s, err := c.broadcastTo(i, slices.Concat(outer, inner))
		if err != nil {
			return "", err
		}
		scales = append(scales, s)
	}
	ones := slices.Repeat([]string{"1"}, len(inner))
	stat := join(slices.Concat(outer, ones))
	x := join(slices.Concat(outer, inner))
	return fmt.Sprintf("%s, %s -> %s, %s, %s, %s", x, strings.Join(scales, ", "), x, stat, stat, join(outer)), nil
}

// broadcastTo names the axes of input i, which is broadcast against axes.
func (c *call) broadcastTo(i int, axes []string) (string, error) {
	if !c.has(i) {
		return "~", nil
	}
	d, err := c.dims(i)
	if err != nil {
		return "", err
	}
	if len(d) > len(axes) {
		return "", fmt.Errorf("input %d has rank %d, want %d at most", i, len(d), len(axes))
	}
	out := slices.Clone(axes[len(axes)-len(d):])
	for k := range d {
		if one(d[k]) {
			out[k] = "1"
		}
	}
	return join(out), nil
}

// skipNorm adds its second input, which may lack the batch axis or have one
// slot there, to the first before it normalises.
func skipNorm(template string) rule {
	return func(c *call) (string, error) {
		skip, err := c.broadcastTo(1, []string{"b", "t", "d"})
		if err != nil {
			return "", err
		}
		return text(fmt.Sprintf(template, skip))(c)
	}
}

// meanVariance normalises over the axes of its attribute.
func meanVariance(c *call) (string, error) {
	axes := []int64{0, 2, 3}
	if a, ok := c.node.Attrs["axes"]; ok {
		axes = a.Ints
	}
	return c.mixing(axes, false)
}

// softmax normalises over one axis since opset 13, over all from axis on
// before.
func softmax(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	ordered := c.node.Op == "Hardmax" // ties go to the first
	if c.node.Version >= 13 {
		return c.mixing([]int64{c.int("axis", -1)}, ordered)
	}
	from, err := axis(c.int("axis", 1), rank)
	if err != nil {
		return "", err
	}
	var axes []int64
	for k := from; k < rank; k++ {
		axes = append(axes, int64(k))
	}
	return c.mixing(axes, ordered)
}

// mixing is an operator that keeps the shape and mixes along the given axes.
func (c *call) mixing(axes []int64, ordered bool) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	x := names("x", rank)
	var rest []string
	mixed := make([]bool, rank)
	for _, a := range axes {
		at, err := axis(a, rank)
		if err != nil {
			return "", err
		}
		mixed[at] = true
	}
	for k, name := range x {
		switch {
		case !mixed[k]:
			rest = append(rest, name)
		case ordered:
			x[k] = "#" + name
		}
	}
	return fmt.Sprintf("%s -> %s, %s", join(x), join(x), join(rest)), nil
}

// along is mixing along the axis of an attribute.
func along(attr string, def int64, ordered bool) rule {
	return func(c *call) (string, error) { return c.mixing([]int64{c.int(attr, def)}, ordered) }
}

// reduce sums (or the like) over the axes of an attribute or of input 1; over
// all when none are given.
func reduce(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	axes, given, ok := c.ints("axes", 1)
	if !ok {
		return "", fmt.Errorf("its axes are computed")
	}
	x := names("x", rank)
	if !given || len(axes) == 0 {
		if c.int("noop_with_empty_axes", 0) != 0 {
			return join(x) + ", ~ -> " + join(x), nil
		}
		axes = nil
		for k := range x {
			axes = append(axes, int64(k))
		}
	}
	return c.reduced(x, axes, "")
}

// argument finds the place of the largest or smallest along an axis.
func argument(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	return c.reduced(names("x", rank), []int64{c.int("axis", 0)}, "#")
}

func (c *call) reduced(x []string, axes []int64, mark string) (string, error) {
	gone := make([]bool, len(x))
	for _, a := range axes {
		at, err := axis(a, len(x))
		if err != nil {
			return "", err
		}
		gone[at] = true
	}
	keep := c.int("keepdims", 1) != 0
	var out []string
	for k, name := range x {
		switch {
		case !gone[k]:
			out = append(out, name)
			continue
		case keep:
			out = append(out, "1")
		}
		x[k] = mark + name
	}
	return join(x) + ", ~ -> " + join(out), nil
}

// maxPool's indices count through all channels, so they fix the channels'
// order when they are used.
func maxPool(c *call) (string, error) {
	if c.isRead(1) {
		return text("#n #c #s.. -> #n #c #p/s.., #n #c #p/s..")(c)
	}
	return text("n c #s.. -> n c #p/s.., n c #p/s..")(c)
}

// recurrent chooses between the time-major and the batch-major layout.
func recurrent(timeMajor, batchMajor string) rule {
	return func(c *call) (string, error) {
		if c.int("layout", 0) != 0 {
			return text(batchMajor)(c)
		}
		return text(timeMajor)(c)
	}
}
