package permspec

import (
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// elementwiseAlong names the axes of data and of the indices of
// GatherElements and ScatterElements: both keep the order of the axis they
// walk, and of the others when their sizes differ.
func (c *call) elementwiseAlong() (data, index string, err error) {
	d, err := c.dims(0)
	if err != nil {
		return "", "", err
	}
	i, err := c.dims(1)
	if err != nil {
		return "", "", err
	}
	along, err := axis(c.int("axis", 0), len(d))
	if err != nil {
		return "", "", err
	}
	if len(i) != len(d) {
		return "", "", fmt.Errorf("data has rank %d, indices %d", len(d), len(i))
	}
	x, y := names("x", len(d)), names("x", len(d))
	for k := range d {
		if k == along || d[k] != i[k] {
			x[k], y[k] = "#x"+fmt.Sprint(k), "#y"+fmt.Sprint(k)
		}
	}
	return join(x), join(y), nil
}

func gatherElements(c *call) (string, error) {
	d, i, err := c.elementwiseAlong()
	return d + ", " + i + " -> " + i, err
}

func scatterElements(c *call) (string, error) {
	d, i, err := c.elementwiseAlong()
	return d + ", " + i + ", " + i + " -> " + d, err
}

// gatherND's last index axis addresses the first axes of data after the batch
// ones.
func gatherND(c *call) (string, error) {
	d, idx, depth, err := c.indexed()
	if err != nil {
		return "", err
	}
	if t, ok := c.taken(); ok {
		dims, err := c.dims(0)
		return c.parted(t, dims), err
	}
	b := int(c.int("batch_dims", 0))
	if b < 0 || b+depth > d || b >= idx {
		return "", fmt.Errorf("its indices address %d axes of %d", b+depth, d)
	}
	batch, rest, own := names("b", b), names("y", d-b-depth), names("i", idx-1-b)
	at := hashed(names("x", depth))
	return fmt.Sprintf("%s, %s -> %s", join(concatAxes(batch, at, rest)), join(concatAxes(batch, own, []string{"#m"})), join(concatAxes(batch, own, rest))), nil
}

// scatterND writes in the order of its indices, which therefore is kept.
func scatterND(c *call) (string, error) {
	d, idx, depth, err := c.indexed()
	if err != nil {
		return "", err
	}
	if depth > d {
		return "", fmt.Errorf("its indices address %d axes of %d", depth, d)
	}
	data := join(concatAxes(hashed(names("x", depth)), names("y", d-depth)))
	own := hashed(names("i", idx-1))
	return fmt.Sprintf("%s, %s, %s -> %s", data, join(concatAxes(own, []string{"#m"})), join(concatAxes(own, names("y", d-depth))), data), nil
}

// indexed returns the ranks of data and indices and how many axes one index
// addresses.
func (c *call) indexed() (data, indices, depth int, err error) {
	i, err := c.dims(1)
	if err != nil {
		return 0, 0, 0, err
	}
	data = c.rank(0)
	if data < 0 || len(i) == 0 {
		return 0, 0, 0, fmt.Errorf("a rank is not known")
	}
	n, ok := i[len(i)-1].Known()
	if !ok {
		return 0, 0, 0, fmt.Errorf("the number of axes it addresses is not known")
	}
	return data, len(i), int(n), nil
}

func hashed(x []string) []string {
	for k := range x {
		x[k] = "#" + x[k]
	}
	return x
}

func concatAxes(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func oneHot(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	at, err := axis(c.int("axis", -1), rank+1)
	if err != nil {
		return "", err
	}
	x := names("x", rank)
	return join(x) + ", ~, ~ -> " + join(insert(x, at, "#k")), nil
}

func topK(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	at, err := axis(c.int("axis", -1), rank)
	if err != nil {
		return "", err
	}
	x, y := names("x", rank), names("x", rank)
	x[at], y[at] = "#a", "#k"
	if !c.isRead(1) && c.int("sorted", 1) != 0 { // in the order of the values, whatever places they come from
		x[at] = "a"
	}
	return fmt.Sprintf("%s, ~ -> %s, %s", join(x), join(y), join(y)), nil
}

// eyeLike is the same when its rows and columns change places together. Of its
// input only the shape is taken.
func eyeLike(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	if len(d) == 2 && d[0] == d[1] && c.int("k", 0) == 0 {
		return "x y -> i i", nil
	}
	return "x y -> #i #j", nil
}

// cumSum adds up along an axis, from one end to the other.
func cumSum(c *call) (string, error) {
	list, ok := c.info.Ints(c.in(1))
	if !ok || len(list) != 1 {
		return "", fmt.Errorf("its axis is computed")
	}
	n, ok := list[0].Known()
	if !ok {
		return "", fmt.Errorf("its axis is computed")
	}
	t, err := c.mixing([]int64{n}, true)
	return strings.Replace(t, " ->", ", ~ ->", 1), err
}

// compress keeps the slots of an axis that a mask marks; without an axis, of
// the flattened tensor.
func compress(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	a, given := c.node.Attrs["axis"]
	if !given {
		return join(hashed(names("x", rank))) + ", #m -> #k", nil
	}
	at, err := axis(a.Int, rank)
	if err != nil {
		return "", err
	}
	x, y := names("x", rank), names("x", rank)
	x[at], y[at] = "#a", "#k"
	return join(x) + ", #m -> " + join(y), nil
}

// tensorScatter writes an update into a cache from the place that is given for
// each slot of the batch on.
func tensorScatter(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	at, err := axis(c.int("axis", -2), rank)
	if err != nil {
		return "", err
	}
	x, y := names("x", rank), names("x", rank)
	x[at], y[at] = "#a", "#u"
	return fmt.Sprintf("%s, %s, x0 -> %s", join(x), join(y), join(x)), nil
}

func reverseSequence(c *call) (string, error) {
	rank := c.rank(0)
	b, err := axis(c.int("batch_axis", 1), max(rank, 0))
	if err != nil {
		return "", err
	}
	t, err := c.mixing([]int64{c.int("time_axis", 0)}, true)
	return strings.Replace(t, " ->", fmt.Sprintf(", x%d ->", b), 1), err
}

// quantize has one scale for all, one for each slot of an axis, or one for each
// block of slots.
func quantize(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	s, err := c.dims(1)
	if err != nil {
		return "", err
	}
	x := names("x", len(d))
	scale := ""
	switch {
	case len(s) == 0, len(s) == 1 && one(s[0]):
	case len(s) == 1:
		at, err := axis(c.int("axis", 1), len(d))
		if err != nil {
			return "", err
		}
		scale = x[at]
	case len(s) == len(d):
		scale = c.blocks(d, s, x)
	default:
		return "", fmt.Errorf("its scale has rank %d, its input %d", len(s), len(d))
	}
	zero := ""
	if c.has(2) && c.rank(2) > 0 {
		zero = scale
	}
	return fmt.Sprintf("%s, %s, %s -> %s", join(x), scale, zero, join(x)), nil
}

// blocks names the scale's axes and rewrites x where one scale serves a block.
func (c *call) blocks(d, s []onnxgraph.Dim, x []string) string {
	out := make([]string, len(d))
	for k := range d {
		switch size, ok := d[k].Div(s[k]); {
		case d[k] == s[k]:
			out[k] = x[k]
		case one(s[k]):
			out[k] = "1"
		case ok:
			y := fmt.Sprintf("y%d", k)
			c.size(y, s[k])
			c.size(x[k], size)
			out[k], x[k] = y, fmt.Sprintf("(%s %s)", y, x[k])
		default:
			out[k], x[k] = fmt.Sprintf("#y%d", k), "#"+x[k]
		}
	}
	return join(out)
}
