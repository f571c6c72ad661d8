package permspec

import (
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxRuns bounds the runs of neighbours into which constant indices are taken
// apart: every run is a part of the axis.
const maxRuns = 16

// span is the slots from … to-1.
type span struct{ from, to int64 }

func (s span) size() int64 { return s.to - s.from }

// taken is what Gather, or GatherND where an index is one number, takes of one
// axis: known indices that are runs of neighbours.
type taken struct {
	axis   int
	runs   []span
	scalar bool // a single slot, whose axis is left out
}

// taken reads the indices of Gather and GatherND.
func (c *call) taken() (taken, bool) {
	var t taken
	d, err := c.dims(0)
	if err != nil {
		return t, false
	}
	shape, err := c.dims(1)
	if err != nil {
		return t, false
	}
	switch c.node.Op {
	case "Gather":
		t.axis, err = axis(c.int("axis", 0), len(d))
	case "GatherND":
		if len(shape) == 0 || !one(shape[len(shape)-1]) || c.int("batch_dims", 0) != 0 {
			return t, false
		}
		shape = shape[:len(shape)-1]
	}
	if err != nil || t.axis >= len(d) || len(shape) > 1 {
		return t, false
	}
	var ok bool
	t.runs, ok = c.runs(1, d[t.axis])
	t.scalar = len(shape) == 0
	return t, ok
}

// single reports whether one slot is taken.
func (t taken) single() bool { return len(t.runs) == 1 && t.runs[0].size() == 1 }

// parted is the signature of a node that takes known slots: one slot is cut out,
// and runs of neighbours are parts of the axis, side by side in another order.
func (c *call) parted(t taken, d []onnxgraph.Dim) string {
	rest := others(d, t.axis)
	if t.single() && c.selects(t.axis, d[t.axis]) {
		place := []string{"1"}
		if t.scalar {
			place = nil
		}
		return join(insert(rest, t.axis, "#u")) + ", ~ -> " + join(insert(at(rest, "u", t.runs[0].from), t.axis, place...))
	}
	n, _ := d[t.axis].Known()
	whole, part := c.parts(n, t.runs)
	place := []string{part}
	if t.scalar {
		place = nil
	}
	return join(insert(rest, t.axis, whole)) + ", ~ -> " + join(insert(rest, t.axis, place...))
}

// gather takes slots of one axis. Indices that are not known, or no runs, fix the
// order of the axis, and their own axes take its place.
func gather(c *call) (string, error) {
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	idx, err := c.dims(1)
	if err != nil {
		return "", err
	}
	along, err := axis(c.int("axis", 0), len(d))
	if err != nil {
		return "", err
	}
	if t, ok := c.taken(); ok {
		return c.parted(t, d), nil
	}
	rest, i := others(d, along), names("i", len(idx))
	for k := range idx {
		if one(idx[k]) {
			i[k] = "1"
		}
	}
	return join(insert(rest, along, "#v")) + ", " + join(i) + " -> " + join(insert(rest, along, i...)), nil
}

// runs takes the known indices of input i into an axis of size d apart into runs
// of ascending neighbours. It reports false where there
// are too many, or most of a single slot.
func (c *call) runs(i int, d onnxgraph.Dim) ([]span, bool) {
	list, known := c.info.Ints(c.in(i))
	n, sized := d.Known()
	if !known || !sized || len(list) == 0 {
		return nil, false
	}
	var out []span
	for _, x := range list {
		v, known := x.Known()
		if v < 0 {
			v += n
		}
		if !known || v < 0 || v >= n {
			return nil, false
		}
		if last := len(out) - 1; last >= 0 && out[last].to == v {
			out[last].to++
		} else {
			out = append(out, span{v, v + 1})
		}
	}
	return out, len(out) == 1 || len(out) <= maxRuns && len(list) >= 2*len(out)
}

// parts cuts an axis of n slots where the runs begin and end. It returns the
// whole axis as the sum of the parts p0+p1+…, and the runs side by side as those
// parts that they take.
func (c *call) parts(n int64, runs []span) (whole, taken string) {
	ends := []int64{0, n}
	for _, r := range runs {
		ends = append(ends, r.from, r.to)
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	part := names("p", len(ends)-1)
	for k, name := range part {
		c.size(name, onnxgraph.Size(ends[k+1]-ends[k]))
	}
	var list []string
	for _, r := range runs {
		list = append(list, part[slices.Index(ends, r.from):slices.Index(ends, r.to)]...)
	}
	return strings.Join(part, "+"), strings.Join(list, "+")
}
