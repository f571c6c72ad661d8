package permspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// call is what a rule is asked about: one node, with what is known of the
// shapes around it. A rule answers with the text of a signature; names that
// stand in a product or a sum get their sizes through size.
type call struct {
	node   *onnxgraph.Node
	info   *onnxgraph.ShapeInfo
	sizes  map[string]onnxgraph.Dim
	reason string // why axes written with # keep their order; "" for the usual words
}

// rule turns a node into the text of its signature.
type rule func(c *call) (string, error)

func (c *call) size(name string, d onnxgraph.Dim) { c.sizes[name] = d }

func (c *call) in(i int) *onnxgraph.Value {
	if i < len(c.node.Inputs) {
		return c.node.Inputs[i]
	}
	return nil
}

func (c *call) has(i int) bool { return c.in(i) != nil }

func (c *call) hasOut(i int) bool { return i < len(c.node.Outputs) && c.node.Outputs[i] != nil }

// isRead reports whether output i goes anywhere: to a node, or out of its graph.
func (c *call) isRead(i int) bool {
	if !c.hasOut(i) {
		return false
	}
	v := c.node.Outputs[i]
	return len(v.Uses) > 0 || slices.Contains(v.Graph.Outputs, v)
}

// dims returns the shape of input i.
func (c *call) dims(i int) ([]onnxgraph.Dim, error) {
	v := c.in(i)
	if v == nil {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	if d, ok := c.info.Shape(v); ok {
		return d, nil
	}
	return nil, fmt.Errorf("the rank of %q is not known", v.Name)
}

// rank returns the rank of input i, or -1 when it is missing or not known.
func (c *call) rank(i int) int {
	d, err := c.dims(i)
	if err != nil {
		return -1
	}
	return len(d)
}

func (c *call) outDims(i int) ([]onnxgraph.Dim, error) {
	if !c.hasOut(i) {
		return nil, fmt.Errorf("output %d is missing", i)
	}
	if d, ok := c.info.Shape(c.node.Outputs[i]); ok {
		return d, nil
	}
	return nil, fmt.Errorf("the rank of %q is not known", c.node.Outputs[i].Name)
}

func (c *call) int(name string, def int64) int64 {
	if a, ok := c.node.Attrs[name]; ok && a.Kind == onnxgraph.AttrInt {
		return a.Int
	}
	return def
}

func (c *call) str(name, def string) string {
	if a, ok := c.node.Attrs[name]; ok && a.Kind == onnxgraph.AttrString {
		return a.String
	}
	return def
}

// ints returns an integer list that newer opsets take as input i and older ones
// as an attribute; ok is false when it is given but not known.
func (c *call) ints(attr string, i int) (list []int64, given, ok bool) {
	if a, has := c.node.Attrs[attr]; has {
		return a.Ints, true, true
	}
	if i < 0 || !c.has(i) {
		return nil, false, true
	}
	ds, ok := c.info.Ints(c.in(i))
	if !ok {
		return nil, true, false
	}
	for _, d := range ds {
		n, known := d.Known()
		if !known {
			return nil, true, false
		}
		list = append(list, n)
	}
	return list, true, true
}

// axis brings an axis that may count from the end into 0 … rank-1.
func axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d does not exist in a tensor of rank %d", a, rank)
	}
	return int(a), nil
}

func one(d onnxgraph.Dim) bool { return d == onnxgraph.Size(1) }

// names returns prefix0 … prefix(n-1).
func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return out
}

func join(axes []string) string { return strings.Join(axes, " ") }

// text makes a rule of a template. In it "x.." stands for as many axes as the
// operand has beyond those written out: x0 x1 …; the same name has the same
// length everywhere, and "p/x.." stands for p0 p1 …, as many as x has. Inputs
// left out do not take part.
func text(template string) rule {
	left, right, _ := strings.Cut(template, "->")
	ins, outs := operands(left), operands(right)
	return func(c *call) (string, error) {
		lengths := map[string]int{}
		var in, out []string
		for i, op := range ins {
			if i > 0 && !c.has(i) {
				in = append(in, "~")
				continue
			}
			t, err := c.expand(i, op, lengths)
			if err != nil {
				return "", err
			}
			in = append(in, t)
		}
		for _, op := range outs {
			t, err := fill(op, lengths)
			if err != nil {
				return "", err
			}
			out = append(out, t)
		}
		return strings.Join(in, ", ") + " -> " + strings.Join(out, ", "), nil
	}
}

// expand writes out the ".." of the operand of input i.
func (c *call) expand(i int, op string, lengths map[string]int) (string, error) {
	if op == "~" {
		return op, nil
	}
	parts := splitAxes(op)
	for _, p := range parts {
		if name, ok := strings.CutSuffix(p, ".."); ok && !strings.Contains(name, "/") {
			rank := c.rank(i)
			switch {
			case c.in(i) == nil:
				return "", fmt.Errorf("input %d is missing", i)
			case rank < 0:
				return "", fmt.Errorf("the rank of %q is not known", c.in(i).Name)
			}
			n := rank - len(parts) + 1
			name = strings.TrimPrefix(name, "#")
			if m, seen := lengths[name]; n < 0 || seen && m != n {
				return "", fmt.Errorf("input %d has rank %d, which does not fit %q", i, rank, op)
			}
			lengths[name] = n
		}
	}
	return fill(op, lengths)
}

func fill(op string, lengths map[string]int) (string, error) {
	var out []string
	for _, p := range splitAxes(op) {
		name, ok := strings.CutSuffix(p, "..")
		if !ok {
			out = append(out, p)
			continue
		}
		mark := ""
		if strings.HasPrefix(name, "#") {
			mark, name = "#", name[1:]
		}
		length := lengths[name]
		if k := strings.IndexByte(name, '/'); k >= 0 { // "p/x..": as many as x
			length, name = lengths[name[k+1:]], name[:k]
		}
		for j := range length {
			if name == "1" {
				out = append(out, "1")
			} else {
				out = append(out, fmt.Sprintf("%s%s%d", mark, name, j))
			}
		}
	}
	return join(out), nil
}

// splitAxes cuts an operand at the spaces outside parentheses.
func splitAxes(op string) []string {
	var out []string
	depth, start := 0, -1
	for i := 0; i <= len(op); i++ {
		if i == len(op) || op[i] == ' ' && depth == 0 {
			if start >= 0 {
				out = append(out, op[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch op[i] {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		}
	}
	return out
}
