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

// gather takes slots of one axis. One known slot is cut out; known indices that
// are runs of neighbours are parts of the axis, side by side in another order;
// anything else fixes the order of the axis, and the indices' own axes take its
// place.
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
	rest := others(d, along)
	runs, ok := c.runs(1, d[along])
	switch {
	case ok && len(runs) == 1 && runs[0].size() == 1 && c.selects(along, d[along]):
		var place []string
		if len(idx) > 0 {
			place = []string{"1"}
		}
		return join(insert(rest, along, "#u")) + ", ~ -> " + join(insert(at(rest, "u", runs[0].from), along, place...)), nil
	case ok:
		n, _ := d[along].Known()
		whole, taken := c.parts(n, runs)
		var place []string
		if len(idx) > 0 {
			place = []string{taken}
		}
		return join(insert(rest, along, whole)) + ", ~ -> " + join(insert(rest, along, place...)), nil
	}
	i := names("i", len(idx))
	for k := range idx {
		if one(idx[k]) {
			i[k] = "1"
		}
	}
	return join(insert(rest, along, "#v")) + ", " + join(i) + " -> " + join(insert(rest, along, i...)), nil
}

// runs takes the known indices of input i, a scalar or a vector, into an axis of
// size d apart into runs of ascending neighbours. It reports false where there
// are too many, or most of a single slot.
func (c *call) runs(i int, d onnxgraph.Dim) ([]span, bool) {
	list, known := c.info.Ints(c.in(i))
	n, sized := d.Known()
	if !known || !sized || len(list) == 0 || c.rank(i) > 1 {
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
