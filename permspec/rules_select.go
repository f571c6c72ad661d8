package permspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxSelector is the largest axis that is taken for a selector, such as the
// three of a fused QKV, when single slots are taken out of it: then what stands
// beside it may differ by its slot. From longer axes a slot is cut out of a sum.
const maxSelector = 8

func selector(d onnxgraph.Dim) bool {
	n, ok := d.Known()
	return ok && n >= 2 && n <= maxSelector
}

// selects reports whether the axis of input 0 is a selector: short, and cut into
// single slots by every reader that cuts it. Where one takes several slots
// together, the axis is a sum of parts.
func (c *call) selects(along int, d onnxgraph.Dim) bool {
	if !selector(d) {
		return false
	}
	for _, u := range c.in(0).Uses {
		reader := &call{node: u.Node, info: c.info}
		if u.Input == 0 && u.Node.Domain == "" && !reader.takesSlots(along) {
			return false
		}
	}
	return true
}

// takesSlots reports whether a node takes no more than one slot of an axis of
// input 0, or does not cut it.
func (c *call) takesSlots(along int) bool {
	d, err := c.dims(0)
	if err != nil {
		return true
	}
	at := func(def int64) bool {
		k, err := axis(c.int("axis", def), len(d))
		return err == nil && k == along
	}
	switch c.node.Op {
	case "Gather", "GatherND":
		t, ok := c.taken()
		return !ok || t.axis != along || t.single()
	case "Split":
		sizes, ok := c.splitSizes(d[along])
		return !at(0) || !ok || !slices.ContainsFunc(sizes, func(n int64) bool { return n != 1 })
	case "Slice":
		cuts, err := c.cuts(d)
		cut, has := cuts[along]
		return err != nil || !has || cut.whole || !cut.known && cut.step == 0 || len(cuts) == 1 && cut.known && cut.to-cut.from == 1
	}
	return true
}

// at writes the names x as they are at slot k of u.
func at(x []string, u string, k int64) []string {
	out := make([]string, len(x))
	for i, name := range x {
		if out[i] = name; name != "1" {
			out[i] = fmt.Sprintf("%s[%s=%d]", name, u, k)
		}
	}
	return out
}

// others names all axes but at; axes of one slot are written 1.
func others(dims []onnxgraph.Dim, skip int) []string {
	var out []string
	for k, d := range dims {
		switch {
		case k == skip:
		case one(d):
			out = append(out, "1")
		default:
			out = append(out, fmt.Sprintf("x%d", k))
		}
	}
	return out
}

func insert(x []string, at int, name ...string) []string {
	return append(append(append([]string{}, x[:at]...), name...), x[at:]...)
}

// concat puts axes side by side. Tensors of one slot each are stacked: the new
// axis tells them apart, and what stands beside it may differ by its slot.
func concat(c *call) (string, error) {
	n := len(c.node.Inputs)
	first, err := c.dims(0)
	if err != nil {
		return "", err
	}
	along, err := axis(c.int("axis", 1), len(first))
	if err != nil {
		return "", err
	}
	stack := n >= 2 && n <= maxSelector
	all := make([][]onnxgraph.Dim, n)
	for i := range n {
		if all[i], err = c.dims(i); err != nil {
			return "", err
		}
		if len(all[i]) != len(first) {
			return "", fmt.Errorf("its inputs have ranks %d and %d", len(first), len(all[i]))
		}
		stack = stack && one(all[i][along])
	}
	if stack {
		return stacked(first, along, n), nil
	}
	rest := others(first, along)
	var in, parts []string
	for i := range n {
		name := fmt.Sprintf("q%d", i)
		if one(all[i][along]) {
			name = "1"
		}
		in, parts = append(in, join(insert(rest, along, name))), append(parts, name)
	}
	return strings.Join(in, ", ") + " -> " + join(insert(rest, along, strings.Join(parts, "+"))), nil
}

func stacked(dims []onnxgraph.Dim, along, n int) string {
	rest := others(dims, along)
	var in []string
	pick := make([][]string, len(rest))
	for i := range n {
		own := make([]string, len(rest))
		for k, name := range rest {
			if own[k] = name; name != "1" {
				own[k] = fmt.Sprintf("%s.%d", name, i)
			}
			pick[k] = append(pick[k], own[k])
		}
		in = append(in, join(insert(own, along, "1")))
	}
	out := make([]string, len(rest))
	for k, name := range rest {
		if out[k] = name; name != "1" {
			out[k] = "{u:" + strings.Join(pick[k], "|") + "}"
		}
	}
	return strings.Join(in, ", ") + " -> " + join(insert(out, along, "#u"))
}

func split(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	along, err := axis(c.int("axis", 0), len(d))
	if err != nil {
		return "", err
	}
	sizes, ok := c.splitSizes(d[along])
	rest := others(d, along)
	var parts, out []string
	single := c.selects(along, d[along])
	for i := range c.node.Outputs {
		name := fmt.Sprintf("q%d", i)
		if !ok {
			out = append(out, join(insert(rest, along, "#"+name)))
			continue
		}
		c.size(name, onnxgraph.Size(sizes[i]))
		single = single && sizes[i] == 1
		parts = append(parts, name)
		out = append(out, join(insert(rest, along, name)))
	}
	if !ok {
		return join(insert(rest, along, "#q")) + ", ~ -> " + strings.Join(out, ", "), nil
	}
	if single {
		for i := range out {
			out[i] = join(insert(at(rest, "u", int64(i)), along, "1"))
		}
		return join(insert(rest, along, "#u")) + ", ~ -> " + strings.Join(out, ", "), nil
	}
	return join(insert(rest, along, strings.Join(parts, "+"))) + ", ~ -> " + strings.Join(out, ", "), nil
}

// splitSizes returns the parts' sizes: an attribute before opset 13, input 1
// since; equal parts, the last one smaller, when not given.
func (c *call) splitSizes(d onnxgraph.Dim) ([]int64, bool) {
	n := int64(len(c.node.Outputs))
	sizes, given, ok := c.ints("split", 1)
	if given {
		return sizes, ok && int64(len(sizes)) == n
	}
	total, known := d.Known()
	if !known || n == 0 {
		return nil, false
	}
	chunk := (total + n - 1) / n
	for i := range n {
		sizes = append(sizes, max(min(chunk, total-i*chunk), 0))
	}
	return sizes, true
}

// slice cuts p+q+r and keeps q, where the bounds are known and the step is 1.
// Every s-th slot of an axis is what stands at one slot of the fast factor of
// (q u), u of s slots.
func slice(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	cuts, err := c.cuts(d)
	if err != nil {
		return "", err
	}
	in, out := others(d, -1), others(d, -1)
	for k, cut := range cuts {
		n, _ := d[k].Known()
		p, q, r := fmt.Sprintf("p%d", k), fmt.Sprintf("q%d", k), fmt.Sprintf("r%d", k)
		switch {
		case cut.whole:
		case cut.step > 1 && len(cuts) == 1:
			c.size("u", onnxgraph.Size(cut.step))
			c.size(q, onnxgraph.Size(n/cut.step))
			in[k] = fmt.Sprintf("(%s #u)", q)
			out = at(insert(others(d, k), k, q), "u", cut.from)
		case !cut.known:
			in[k], out[k] = "#"+p, "#"+q
		case cut.to-cut.from == 1 && len(cuts) == 1 && c.selects(k, d[k]):
			in[k] = "#u"
			out = insert(at(others(d, k), "u", cut.from), k, "1")
		default:
			c.size(p, onnxgraph.Size(cut.from))
			c.size(q, onnxgraph.Size(cut.to-cut.from))
			c.size(r, onnxgraph.Size(n-cut.to))
			in[k], out[k] = cutSum(cut.from, n-cut.to, p, q, r), q
		}
	}
	return join(in) + ", ~, ~, ~, ~ -> " + join(out), nil
}

// cutSum writes before+q+after without parts that have no slots.
func cutSum(before, after int64, p, q, r string) string {
	text := q
	if before > 0 {
		text = p + "+" + text
	}
	if after > 0 {
		text += "+" + r
	}
	return text
}

// cut is what Slice keeps of one axis: all of it, from … to when known, or every
// step-th slot from the one of that number on to the end.
type cut struct {
	whole, known bool
	from, to     int64
	step         int64
}

// cuts reads the bounds of Slice: attributes before opset 10, inputs since.
func (c *call) cuts(dims []onnxgraph.Dim) (map[int]cut, error) {
	axes, given, ok := c.ints("axes", 3)
	if !ok {
		return nil, fmt.Errorf("its axes are computed")
	}
	starts, startOK := c.bounds("starts", 1)
	ends, endOK := c.bounds("ends", 2)
	steps, stepGiven, stepOK := c.ints("steps", 4)
	if !given {
		n := len(dims)
		if startOK {
			n = len(starts)
		}
		for k := range n {
			axes = append(axes, int64(k))
		}
	}
	out := map[int]cut{}
	for i, a := range axes {
		at, err := axis(a, len(dims))
		if err != nil {
			return nil, err
		}
		bounded := startOK && endOK && stepOK && i < len(starts) && i < len(ends) && (!stepGiven || i < len(steps))
		switch {
		case !bounded:
			out[at] = cut{}
		case stepGiven && steps[i] != 1:
			out[at] = strided(dims[at], starts[i], ends[i], steps[i])
		default:
			out[at] = cutOf(dims[at], starts[i], ends[i])
		}
	}
	return out, nil
}

// strided is the cut that takes every step-th slot, where these are as many for
// each slot that it may begin with.
func strided(d, start, end onnxgraph.Dim, step int64) cut {
	n, ok := d.Known()
	span := cutOf(d, start, end)
	if span.whole {
		span.to = n
	}
	if !ok || step < 2 || step > maxSelector || n%step != 0 || span.from >= step || span.to <= n-step+span.from {
		return cut{}
	}
	return cut{from: span.from, step: step}
}

// bounds returns list entries as Dims: a bound may be symbolic.
func (c *call) bounds(attr string, i int) ([]onnxgraph.Dim, bool) {
	if a, has := c.node.Attrs[attr]; has {
		var out []onnxgraph.Dim
		for _, n := range a.Ints {
			out = append(out, onnxgraph.Size(n))
		}
		return out, true
	}
	if !c.has(i) {
		return nil, false
	}
	return c.info.Ints(c.in(i))
}

func cutOf(d, start, end onnxgraph.Dim) cut {
	from, ok1 := start.Known()
	to, ok2 := end.Known()
	if ok1 && from == 0 && (end == d || ok2 && to >= 1<<31-1) {
		return cut{whole: true}
	}
	n, ok := d.Known()
	if !ok || !ok1 || !ok2 {
		return cut{}
	}
	clamp := func(x int64) int64 {
		if x < 0 {
			x += n
		}
		return min(max(x, 0), n)
	}
	from, to = clamp(from), clamp(to)
	if from == 0 && to == n {
		return cut{whole: true}
	}
	return cut{known: to > from, from: from, to: to}
}

// pad adds slots that hold a constant: they are atoms of their own. Other modes
// copy slots and fix the order.
func pad(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	before, after, ok := c.pads(len(d))
	constant := c.str("mode", "constant") == "constant"
	in, out := others(d, -1), others(d, -1)
	for k := range d {
		switch n, known := d[k].Known(); {
		case ok && before[k] == 0 && after[k] == 0:
		case !ok || !constant || before[k] < 0 || after[k] < 0 || !known || n == 0:
			in[k], out[k] = fmt.Sprintf("#x%d", k), fmt.Sprintf("#y%d", k)
		default:
			p, r := fmt.Sprintf("p%d", k), fmt.Sprintf("r%d", k)
			c.size(p, onnxgraph.Size(before[k]))
			c.size(r, onnxgraph.Size(after[k]))
			out[k] = cutSum(before[k], after[k], p, in[k], r)
		}
	}
	return join(in) + ", ~, ~, ~ -> " + join(out), nil
}

// pads reads the amounts: attribute pads (paddings in opset 1) or input 1, for
// the axes of input 3 when given.
func (c *call) pads(rank int) (before, after []int64, ok bool) {
	list, given, ok := c.ints("pads", 1)
	if a, old := c.node.Attrs["paddings"]; old {
		list, given = a.Ints, true
	}
	axes, some, axesOK := c.ints("", 3)
	if !some {
		for k := range rank {
			axes = append(axes, int64(k))
		}
	}
	if !given || !ok || !axesOK || len(list) != 2*len(axes) {
		return nil, nil, false
	}
	before, after = make([]int64, rank), make([]int64, rank)
	for i, a := range axes {
		at, err := axis(a, rank)
		if err != nil {
			return nil, nil, false
		}
		before[at], after[at] = list[i], list[len(axes)+i]
	}
	return before, after, true
}
