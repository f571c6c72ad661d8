package permspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// pointwise relates the axes of all inputs by numpy's broadcasting: aligned at
// the last axis, an axis of one slot meets anything. Before opset 7 the second
// input may be aligned elsewhere.
func pointwise(c *call) (string, error) {
	rank := 0
	shapes := make([][]onnxgraph.Dim, len(c.node.Inputs))
	for i := range c.node.Inputs {
		if !c.has(i) {
			continue
		}
		d, err := c.dims(i)
		if err != nil {
			return "", err
		}
		shapes[i], rank = d, max(rank, len(d))
	}
	var in []string
	wide, sizes := make([]bool, rank), make([]int64, rank)
	for i, d := range shapes {
		from, err := c.alignment(i, d, rank)
		if err != nil {
			return "", err
		}
		axes := make([]string, len(d))
		for k, size := range d {
			if axes[k] = "1"; one(size) {
				continue
			}
			axes[k] = fmt.Sprintf("x%d", from+k)
			wide[from+k] = true
			if n, known := size.Known(); known {
				if m := sizes[from+k]; m > 0 && m != n {
					return "", fmt.Errorf("its inputs do not broadcast: %d slots meet %d", m, n)
				}
				sizes[from+k] = n
			}
		}
		in = append(in, join(axes))
	}
	out := make([]string, rank)
	for k := range out {
		if out[k] = "1"; wide[k] {
			out[k] = fmt.Sprintf("x%d", k)
		}
	}
	return strings.Join(in, ", ") + " -> " + join(out), nil
}

// alignment returns the axis of the result at which the first axis of input i,
// of shape d, stands.
func (c *call) alignment(i int, d []onnxgraph.Dim, rank int) (int, error) {
	n := len(d)
	from := rank - n
	if _, old := c.node.Attrs["axis"]; old && i == 1 && c.int("broadcast", 0) != 0 {
		from = int(c.int("axis", 0))
		if from < 0 {
			from += rank
		}
	} else if c.node.Op == "PRelu" && c.node.Version < 7 && i == 1 && n < rank && slices.ContainsFunc(d, func(x onnxgraph.Dim) bool { return !one(x) }) {
		return 0, fmt.Errorf("before opset 7 it does not say which axis its slopes stand at")
	}
	if from < 0 || from+n > rank {
		return 0, fmt.Errorf("input %d has rank %d and stands at axis %d of %d", i, n, from, rank)
	}
	return from, nil
}

// gemm is Y = A'·B' + C with optional transpositions.
func gemm(c *call) (string, error) {
	a, b := "i k", "k j"
	if c.int("transA", 0) != 0 {
		a = "k i"
	}
	if c.int("transB", 0) != 0 {
		b = "j k"
	}
	if !c.has(2) {
		return a + ", " + b + " -> i j", nil
	}
	d, err := c.dims(2)
	if err != nil {
		return "", err
	}
	var axes []string
	for k, size := range d {
		if one(size) {
			axes = append(axes, "1")
		} else {
			axes = append(axes, string("ij"[2-len(d)+k]))
		}
	}
	return a + ", " + b + ", " + join(axes) + " -> i j", nil
}

// product writes the signature of a batched matrix product from the names of
// the last one or two axes of each side.
func (c *call) product(ia, ib int, a, b, out []string) (string, string, string, error) {
	da, err := c.dims(ia)
	if err != nil {
		return "", "", "", err
	}
	db, err := c.dims(ib)
	if err != nil {
		return "", "", "", err
	}
	if len(da) < len(a) || len(db) < len(b) {
		return "", "", "", fmt.Errorf("its operands have ranks %d and %d", len(da), len(db))
	}
	na, nb := len(da)-len(a), len(db)-len(b)
	batch := max(na, nb)
	la, lb, lo := []string{}, []string{}, []string{}
	for k := range batch {
		name, wide := fmt.Sprintf("x%d", k), false
		add := func(list *[]string, d []onnxgraph.Dim, n int) {
			if at := k - (batch - n); at >= 0 {
				if one(d[at]) {
					*list = append(*list, "1")
				} else {
					*list, wide = append(*list, name), true
				}
			}
		}
		add(&la, da, na)
		add(&lb, db, nb)
		if !wide {
			name = "1"
		}
		lo = append(lo, name)
	}
	return join(append(la, a...)), join(append(lb, b...)), join(append(lo, out...)), nil
}

// matrixEnds names the last axes of the operands of MatMul: vectors have one.
func (c *call) matrixEnds(ia, ib int) (a, b, out []string) {
	a, b = []string{"i", "k"}, []string{"k", "j"}
	if c.rank(ia) == 1 {
		a = a[1:]
	} else {
		out = append(out, "i")
	}
	if c.rank(ib) == 1 {
		b = b[:1]
	} else {
		out = append(out, "j")
	}
	return a, b, out
}

func matMul(c *call) (string, error) {
	a, b, out := c.matrixEnds(0, 1)
	x, y, z, err := c.product(0, 1, a, b, out)
	return x + ", " + y + " -> " + z, err
}

// fusedMatMul is MatMul with transposition of the last two axes, or of the
// batch axes too, of either side.
func fusedMatMul(c *call) (string, error) {
	if c.int("transBatchA", 0) != 0 || c.int("transBatchB", 0) != 0 {
		return "", fmt.Errorf("its batch axes are transposed")
	}
	a, b, out := c.matrixEnds(0, 1)
	if c.int("transA", 0) != 0 && len(a) == 2 {
		a = []string{"k", "i"}
	}
	if c.int("transB", 0) != 0 && len(b) == 2 {
		b = []string{"j", "k"}
	}
	x, y, z, err := c.product(0, 1, a, b, out)
	return x + ", " + y + " -> " + z, err
}

// lane is the operand of a scale or zero point that is one number, or one for
// each of the slots called name.
func (c *call) lane(i int, name string) string {
	switch c.rank(i) {
	case 0:
		return ""
	case 1:
		if d, err := c.dims(i); err == nil && !one(d[0]) {
			return name
		}
		return "1"
	}
	return name // a mismatch of ranks, which freezes
}

func matMulInteger(c *call) (string, error) {
	a, b, out := c.matrixEnds(0, 1)
	x, y, z, err := c.product(0, 1, a, b, out)
	return fmt.Sprintf("%s, %s, %s, %s -> %s", x, y, c.lane(2, "i"), c.lane(3, "j"), z), err
}

// qlinearMatMul: a, its scale and zero point, b, its scale and zero point, the
// scale and zero point of the result.
func qlinearMatMul(c *call) (string, error) {
	a, b, out := c.matrixEnds(0, 3)
	x, y, z, err := c.product(0, 3, a, b, out)
	return fmt.Sprintf("%s, %s, %s, %s, %s, %s, %s, %s -> %s", x, c.lane(1, "i"), c.lane(2, "i"),
		y, c.lane(4, "j"), c.lane(5, "j"), c.lane(6, ""), c.lane(7, ""), z), err
}

// scaled is r with the named inputs, which r writes as one number a channel,
// also allowed to be a single number.
func scaled(r rule, inputs ...int) rule {
	return func(c *call) (string, error) {
		t, err := r(c)
		if err != nil {
			return "", err
		}
		left, right, _ := strings.Cut(t, "->")
		ops := operands(left)
		for _, i := range inputs {
			if i < len(ops) && ops[i] != "~" {
				ops[i] = c.lane(i, ops[i])
			}
		}
		return strings.Join(ops, ", ") + " -> " + strings.TrimSpace(right), nil
	}
}

// einsum's equation is its signature, once "..." is written out.
func einsum(c *call) (string, error) {
	eq := strings.ReplaceAll(c.str("equation", ""), " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	ins := strings.Split(left, ",")
	if len(ins) != len(c.node.Inputs) {
		return "", fmt.Errorf("the equation %q does not have %d operands", eq, len(c.node.Inputs))
	}
	if !explicit {
		right = implicitOutput(left)
	}
	widest := 0
	for i, op := range ins {
		if strings.Contains(op, "...") {
			widest = max(widest, c.rank(i)-len(strings.Replace(op, "...", "", 1)))
		}
	}
	var in []string
	for i, op := range ins {
		d, err := c.dims(i)
		if err != nil {
			return "", err
		}
		in = append(in, einsumOperand(op, len(d)-len(strings.Replace(op, "...", "", 1)), widest, d))
	}
	return strings.Join(in, ", ") + " -> " + einsumOperand(right, widest, widest, nil), nil
}

// einsumOperand writes the letters of op as names; "..." becomes the last n of
// the e0 e1 … that stand for the widest one.
func einsumOperand(op string, n, widest int, dims []onnxgraph.Dim) string {
	var axes []string
	add := func(name string) {
		if len(axes) < len(dims) && one(dims[len(axes)]) {
			name = "1"
		}
		axes = append(axes, name)
	}
	for i := 0; i < len(op); i++ {
		if strings.HasPrefix(op[i:], "...") {
			for k := range max(n, 0) {
				add(fmt.Sprintf("e.%d", widest-n+k))
			}
			i += 2
			continue
		}
		add(string(op[i]))
	}
	return join(axes)
}

// implicitOutput is the output of an equation without an arrow: the letters
// that occur once, in alphabetical order, after the ellipsis.
func implicitOutput(left string) string {
	count := map[rune]int{}
	for _, r := range left {
		count[r]++
	}
	out := ""
	if strings.Contains(left, "...") {
		out = "..."
	}
	for _, letters := range [...]string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"} {
		for _, r := range letters {
			if count[r] == 1 {
				out += string(r)
			}
		}
	}
	return out
}
