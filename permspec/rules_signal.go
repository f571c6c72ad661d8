package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// fourier is DFT: it mixes along one axis, and the last holds real and
// imaginary parts.
func fourier(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	n := c.int("axis", 1)
	if c.node.Version >= 20 {
		n = -2
		if c.has(2) {
			list, ok := c.info.Ints(c.in(2))
			if !ok || len(list) != 1 || !fixed(list[0]) {
				return "", fmt.Errorf("its axis is computed")
			}
			n, _ = list[0].Known()
		}
	}
	at, err := axis(n, len(d))
	if err != nil {
		return "", err
	}
	x, y := names("x", len(d)), names("x", len(d))
	x[at], y[at], x[len(d)-1], y[len(d)-1] = "#t", "#f", "#r", "#q"
	return join(x) + ", ~, ~ -> " + join(y), nil
}

// centerCropPad cuts or pads the axes of its attribute, all by default.
func centerCropPad(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	x, y := names("x", len(d)), names("x", len(d))
	change := func(k int) { x[k], y[k] = "#"+x[k], fmt.Sprintf("#y%d", k) }
	a, given := c.node.Attrs["axes"]
	for k := range d {
		if !given {
			change(k)
		}
	}
	for _, n := range a.Ints {
		k, err := axis(n, len(d))
		if err != nil {
			return "", err
		}
		change(k)
	}
	return join(x) + ", ~ -> " + join(y), nil
}

// col2Im adds blocks up to an image: the columns of a channel stand together.
func col2Im(c *call) (string, error) {
	block, ok := c.info.Ints(c.in(2))
	if !ok {
		return "", fmt.Errorf("its block is computed")
	}
	size := onnxgraph.Size(1)
	for _, d := range block {
		size = size.Mul(d)
	}
	c.size("k", size)
	return "n (c #k) #l, ~, ~ -> n c " + join(hashed(names("p", len(block)))), nil
}

// affineGrid makes a grid of places for each slot of the batch.
func affineGrid(c *call) (string, error) {
	size, err := c.dims(1)
	if err != nil {
		return "", err
	}
	n, ok := size[0].Known()
	if !ok || n < 3 {
		return "", fmt.Errorf("its size is computed")
	}
	return "n #r #s, ~ -> n " + join(hashed(names("p", int(n)-1))), nil
}

// deformConv moves what it reads by offsets, the same for all channels; with
// several groups of offsets the channels keep their order.
func deformConv(c *call) (string, error) {
	c.size("g", onnxgraph.Size(max(c.int("group", 1), 1)))
	x, w := "n (g c) #h #w", "(g o) c #r #s"
	if c.int("offset_group", 1) > 1 {
		x = "n (#g #c) #h #w"
	}
	return text(x + ", " + w + ", n #k #p #q, (g o), n #m #p #q -> n (g o) #p #q")(c)
}
