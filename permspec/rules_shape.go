package permspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func transpose(c *call) (string, error) {
	rank := c.rank(0)
	if rank < 0 {
		return "", fmt.Errorf("the rank of its input is not known")
	}
	perm, err := c.perm(rank)
	if err != nil {
		return "", err
	}
	x, out := names("x", rank), make([]string, rank)
	for k, p := range perm {
		out[k] = x[p]
	}
	return join(x) + " -> " + join(out), nil
}

// perm lists the axes of Transpose's input, of the given rank, in the order of
// its output.
func (c *call) perm(rank int) ([]int, error) {
	out := make([]int, rank)
	for k := range out {
		out[k] = rank - 1 - k
	}
	a, ok := c.node.Attrs["perm"]
	if !ok {
		return out, nil
	}
	if len(a.Ints) != rank {
		return nil, fmt.Errorf("perm has %d entries, its input rank %d", len(a.Ints), rank)
	}
	for k, p := range a.Ints {
		at, err := axis(p, rank)
		if err != nil {
			return nil, err
		}
		out[k] = at
	}
	return out, nil
}

// reshape serves every operator that keeps the elements in row-major order:
// Reshape, Flatten, Squeeze, Unsqueeze. Both shapes are cut where their
// products agree; within a piece both sides become products of common factors.
func reshape(c *call) (string, error) {
	in, err := c.dims(0)
	if err != nil {
		return "", err
	}
	out, err := c.outDims(0)
	if err != nil {
		return "", err
	}
	r := reshaper{c: c, in: in, out: out}
	for i, j := 0, 0; i < len(in) || j < len(out); {
		i, j = r.piece(i, j)
	}
	params := strings.Repeat(", ~", max(len(c.node.Inputs)-1, 0))
	return join(r.left) + params + " -> " + join(r.right), nil
}

type reshaper struct {
	c           *call
	in, out     []onnxgraph.Dim
	left, right []string
	names       int
}

func (r *reshaper) name() string {
	r.names++
	return fmt.Sprintf("x%d", r.names-1)
}

// piece handles the shortest run of axes from in[i] and out[j] on whose
// products agree, and returns where the next begins.
func (r *reshaper) piece(i, j int) (int, int) {
	if i < len(r.in) && one(r.in[i]) {
		r.left = append(r.left, "1")
		return i + 1, j
	}
	if j < len(r.out) && one(r.out[j]) {
		r.right = append(r.right, "1")
		return i, j + 1
	}
	i1, j1 := r.extent(i, j)
	left, right := r.factors(r.in[i:i1], r.out[j:j1])
	r.left = append(r.left, left...)
	r.right = append(r.right, right...)
	return i1, j1
}

// extent returns the ends of the piece that begins at i and j.
func (r *reshaper) extent(i, j int) (int, int) {
	if i >= len(r.in) || j >= len(r.out) {
		return len(r.in), len(r.out)
	}
	p, q := r.in[i], r.out[j]
	i, j = i+1, j+1
	for p != q {
		_, pBig := p.Div(q)
		_, qBig := q.Div(p)
		np, known := p.Known()
		nq, known2 := q.Known()
		if known && known2 {
			pBig, qBig = np > nq, nq > np
		}
		switch {
		case pBig && j < len(r.out):
			q, j = q.Mul(r.out[j]), j+1
		case qBig && i < len(r.in):
			p, i = p.Mul(r.in[i]), i+1
		case i < len(r.in) && j < len(r.out) && !pBig && !qBig:
			p, q = p.Mul(r.in[i]), q.Mul(r.out[j])
			i, j = i+1, j+1
		default:
			return len(r.in), len(r.out)
		}
	}
	return i, j
}

// factors writes both sides as products of common factors, found from the
// fastest axis on. What is left of the slowest axes when neither size divides
// the other keeps its order, unless it is one factor on each side: the numbers
// of elements agree, so those are the same.
func (r *reshaper) factors(in, out []onnxgraph.Dim) (left, right []string) {
	l, m := make([][]string, len(in)), make([][]string, len(out))
	rest := func(d []onnxgraph.Dim, i int) onnxgraph.Dim {
		if i >= 0 {
			return d[i]
		}
		return onnxgraph.Size(1)
	}
	i, j := len(in)-1, len(out)-1
	p, q := rest(in, i), rest(out, j)
	for i >= 0 && j >= 0 {
		pq, pOK := p.Div(q)
		qp, qOK := q.Div(p)
		n := r.name()
		switch {
		case p == q || i == 0 && j == 0 && !(fixed(p) && fixed(q)):
			if !fixed(p) {
				p = q
			}
			r.c.size(n, p)
			l[i], m[j] = append(l[i], n), append(m[j], n)
			i, j = i-1, j-1
			p, q = rest(in, i), rest(out, j)
		case pOK:
			r.c.size(n, q)
			l[i], m[j] = append(l[i], n), append(m[j], n)
			p, j = pq, j-1
			q = rest(out, j)
		case qOK:
			r.c.size(n, p)
			l[i], m[j] = append(l[i], n), append(m[j], n)
			q, i = qp, i-1
			p = rest(in, i)
		default:
			r.hold(l, in, i, p)
			r.hold(m, out, j, q)
			i, j = -1, -1
		}
	}
	r.hold(l, in, i, p)
	r.hold(m, out, j, q)
	return products(l), products(m)
}

func fixed(d onnxgraph.Dim) bool {
	_, known := d.Known()
	return known
}

// hold freezes the axes 0 to i, of axis i the slow factor of the given size.
func (r *reshaper) hold(axes [][]string, dims []onnxgraph.Dim, i int, size onnxgraph.Dim) {
	for k := i; k >= 0; k-- {
		if k < i {
			size = dims[k]
		}
		if one(size) {
			continue
		}
		n := r.name()
		r.c.size(n, size)
		axes[k] = append(axes[k], "#"+n)
		r.c.reason = "Reshape cuts this axis into parts of which neither is a multiple of the other, or of sizes not known"
	}
}

// products writes the factors of each axis, collected fastest first.
func products(axes [][]string) []string {
	out := make([]string, len(axes))
	for k, f := range axes {
		slices.Reverse(f)
		switch len(f) {
		case 0:
			out[k] = "1"
		case 1:
			out[k] = f[0]
		default:
			out[k] = "(" + strings.Join(f, " ") + ")"
		}
	}
	return out
}

// expand broadcasts its input to the output's shape.
func expand(c *call) (string, error) {
	in, err := c.dims(0)
	if err != nil {
		return "", err
	}
	out, err := c.outDims(0)
	if err != nil {
		return "", err
	}
	x, y := make([]string, len(in)), names("y", len(out))
	for k, d := range in {
		x[k] = "1"
		if at := len(out) - len(in) + k; !one(d) {
			x[k] = y[at]
		}
	}
	return join(x) + ", ~ -> " + join(y), nil
}

// tile repeats: the copies stand one after another, so the count is the slow
// factor.
func tile(c *call) (string, error) {
	in, err := c.dims(0)
	if err != nil {
		return "", err
	}
	var reps []onnxgraph.Dim
	if c.has(1) {
		reps, _ = c.info.Ints(c.in(1))
	}
	x, y := names("x", len(in)), names("y", len(in))
	for k := range in {
		switch {
		case len(reps) != len(in):
			x[k], y[k] = "#"+x[k], "#"+y[k]
		case one(reps[k]):
			y[k] = x[k]
		case one(in[k]):
			x[k] = "1"
			c.size(y[k], reps[k])
		default:
			c.size(y[k], reps[k])
			y[k] = fmt.Sprintf("(%s %s)", y[k], x[k])
		}
	}
	return join(x) + ", ~ -> " + join(y), nil
}

// depthToSpace moves factors of the channels into height and width.
func depthToSpace(c *call) (string, error) {
	b := onnxgraph.Size(c.int("blocksize", 1))
	c.size("p", b)
	c.size("q", b)
	if c.str("mode", "DCR") == "CRD" {
		return "n (c p q) h w -> n c (h p) (w q)", nil
	}
	return "n (p q c) h w -> n c (h p) (w q)", nil
}

func spaceToDepth(c *call) (string, error) {
	b := onnxgraph.Size(c.int("blocksize", 1))
	c.size("p", b)
	c.size("q", b)
	return "n c (h p) (w q) -> n (p q c) h w", nil
}

// generated is a tensor that is the same everywhere.
func generated(c *call) (string, error) {
	d, err := c.outDims(0)
	if err != nil {
		return "", err
	}
	return "~ -> " + join(names("x", len(d))), nil
}

// resize keeps the axes whose scale is 1 and interpolates the others in order.
func resize(c *call) (string, error) {
	in, err := c.dims(0)
	if err != nil {
		return "", err
	}
	keep := c.unscaled(in)
	x, y := names("x", len(in)), names("y", len(in))
	for k := range in {
		if keep[k] {
			y[k] = x[k]
		} else {
			x[k], y[k] = "#"+x[k], "#"+y[k]
		}
	}
	return join(x) + ", ~, ~, ~ -> " + join(y), nil
}

// unscaled finds the axes that Resize or Upsample leaves as they are: those of
// scale 1, those whose given size is the input's, those that axes does not name.
func (c *call) unscaled(in []onnxgraph.Dim) []bool {
	keep := make([]bool, len(in))
	if c.str("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
		return keep
	}
	axes := make([]int, 0, len(in))
	if a, ok := c.node.Attrs["axes"]; ok {
		for k := range keep {
			keep[k] = true
		}
		for _, n := range a.Ints {
			if at, err := axis(n, len(in)); err == nil {
				axes, keep[at] = append(axes, at), false
			}
		}
	} else {
		for k := range in {
			axes = append(axes, k)
		}
	}
	if scales := c.scales(); len(scales) == len(axes) {
		for i, at := range axes {
			keep[at] = scales[i] == 1
		}
	} else if c.has(3) {
		if sizes, ok := c.info.Ints(c.in(3)); ok && len(sizes) == len(axes) {
			for i, at := range axes {
				keep[at] = sizes[i] == in[at]
			}
		}
	}
	return keep
}

// scales returns the scales, when they are known before the run: input 2 of
// Resize since opset 11, input 1 before and of Upsample, an attribute of
// Upsample before opset 9.
func (c *call) scales() []float64 {
	if a, ok := c.node.Attrs["scales"]; ok {
		out := make([]float64, len(a.Floats))
		for i, f := range a.Floats {
			out[i] = float64(f)
		}
		return out
	}
	i := 1
	if c.node.Op == "Resize" && c.node.Version >= 11 {
		i = 2
	}
	out, _ := c.info.Floats(c.in(i))
	return out
}
