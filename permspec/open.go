package permspec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// opening is an axis that Reshape, and Transposes after it, lay open for its
// readers to cut, with faster axes beside it: (g s d) becomes g, s and d, and s is
// cut into the queries of a group, its key and its value. What stands in one part
// need not stand in another, so the readers are related to what Reshape reads,
//
//	(g ((h d0)+d1+d2)) -> g h d0
//
// and the tensor in between has no layout.
type opening struct {
	input *onnxgraph.Value // of the Reshape
	left  Layout           // of input: a sum of the parts
	sizes map[string]onnxgraph.Dim

	cut    string // the name that is cut
	parts  []span
	beside map[string]bool // names that differ by the part
}

// opened is a value in an opening, as it would be laid out were it not cut.
type opened struct {
	*opening
	right Layout
}

// opens handles the nodes around an opening. It reports whether n is one.
func (inf *inference) opens(n *onnxgraph.Node) bool {
	if len(n.Inputs) == 0 || n.Inputs[0] == nil {
		return false
	}
	if n.Op == "Reshape" {
		return inf.open(n)
	}
	o, ok := inf.openings[n.Inputs[0]]
	if !ok || n.Op == "Transpose" {
		return ok
	}
	c := inf.call(n)
	cut, ok := c.cutting()
	if ok {
		inf.cutOpen(c, o, cut)
	}
	return ok
}

func (inf *inference) call(n *onnxgraph.Node) *call {
	return &call{node: n, info: inf.info, sizes: map[string]onnxgraph.Dim{}}
}

// open notes the opening that a Reshape begins, if it does.
func (inf *inference) open(n *onnxgraph.Node) bool {
	c := inf.call(n)
	text, err := reshape(c)
	if err != nil {
		return false
	}
	sig, err := ParseSignature(text)
	if err != nil || len(sig.In) == 0 || len(sig.Out) == 0 { // to or from a scalar
		return false
	}
	o := &opening{input: n.Inputs[0], sizes: c.sizes, beside: map[string]bool{}}
	found := map[*onnxgraph.Value]opened{}
	var spans []span
	if !inf.cutUp(n.Outputs[0], opened{o, sig.Out[0]}, found, &spans) || !o.cutAt(spans) || !o.split(sig.In[0]) {
		return false
	}
	for _, in := range n.Inputs[1:] {
		if in != nil {
			inf.steer(in, n)
		}
	}
	maps.Copy(inf.openings, found)
	return true
}

// cutUp follows v to the nodes that cut it, and collects the values on the way and
// the parts that are taken. It reports false where one cuts another axis, or does
// something else.
func (inf *inference) cutUp(v *onnxgraph.Value, o opened, found map[*onnxgraph.Value]opened, spans *[]span) bool {
	if slices.Contains(v.Graph.Outputs, v) {
		return false
	}
	found[v] = o
	for _, u := range v.Uses {
		n := u.Node
		switch {
		case !inf.live[n] || n.Domain == "" && (n.Op == "Shape" || n.Op == "Size"):
			continue
		case u.Input != 0:
			return false
		case n.Domain == "" && n.Op == "Transpose":
			perm, err := inf.call(n).perm(len(o.right))
			if err != nil {
				return false
			}
			turned := make(Layout, len(perm))
			for k, p := range perm {
				turned[k] = o.right[p]
			}
			if !inf.cutUp(n.Outputs[0], opened{o.opening, turned}, found, spans) {
				return false
			}
			continue
		}
		cut, ok := inf.call(n).cutting()
		if !ok {
			return false
		}
		f, ok := plain(o.right[cut.axis])
		if !ok || f.Frozen || o.cut != "" && o.cut != f.Name {
			return false
		}
		o.cut, o.parts = f.Name, []span{{0, cut.size}}
		*spans = append(*spans, cut.outputs...)
	}
	return true
}

// cutAt cuts the axis into parts where the spans begin and end. It reports false
// where a span is several of them, and where all are single slots of a selector,
// by which families differ.
func (o *opening) cutAt(spans []span) bool {
	several := func(s span) bool { return s.size() > 1 }
	if len(spans) == 0 || o.parts[0].to <= maxSelector && !slices.ContainsFunc(spans, several) {
		return false
	}
	for _, s := range spans {
		o.parts = s.cutting(o.parts)
	}
	return len(o.parts) > 1 && len(o.parts) <= maxFamily &&
		!slices.ContainsFunc(spans, func(s span) bool { return !slices.Contains(o.parts, s) })
}

// cutting cuts parts where s begins and ends.
func (s span) cutting(parts []span) []span {
	var out []span
	for _, p := range parts {
		for _, at := range []int64{s.from, s.to} {
			if p.from < at && at < p.to {
				out = append(out, span{p.from, at})
				p.from = at
			}
		}
		out = append(out, p)
	}
	return out
}

// split writes the layout of Reshape's input with a term for each part. It
// reports false where the axis that is cut is no factor with faster ones beside.
func (o *opening) split(left Layout) bool {
	for k, a := range left {
		if len(a) != 1 {
			continue
		}
		at := slices.IndexFunc(a[0], func(f Factor) bool { return f.Name == o.cut })
		if at < 0 {
			continue
		}
		before, faster := a[0][:at], a[0][at+1:]
		for _, f := range faster {
			if _, ok := plain(Axis{Term{f}}); !ok || f.Frozen {
				return false
			}
			o.beside[f.Name] = true
		}
		var sum Axis
		for i, p := range o.parts {
			var t Term
			if p.size() > 1 {
				t = append(t, Factor{Name: o.name(o.cut, i)})
			}
			o.sizes[o.name(o.cut, i)] = onnxgraph.Size(p.size())
			for _, f := range faster {
				t = append(t, Factor{Name: o.name(f.Name, i)})
				o.sizes[o.name(f.Name, i)] = o.sizes[f.Name]
			}
			sum = append(sum, t)
		}
		o.left = slices.Clone(left)
		if o.left[k] = sum; at > 0 {
			o.left[k] = Axis{append(slices.Clone(before), Factor{Sum: sum})}
		}
		return len(faster) > 0
	}
	return false
}

// name is what stands for a name in a part.
func (o *opening) name(name string, part int) string { return fmt.Sprintf("%s.%d", name, part) }

// cutOpen relates the outputs of a node that cuts an opening to what Reshape
// reads.
func (inf *inference) cutOpen(c *call, o opened, cut cutting) {
	n := *c.node
	n.Inputs = append([]*onnxgraph.Value{o.input}, n.Inputs[1:]...)
	sig := Signature{In: []Layout{o.left}, Free: map[int]bool{}}
	for i := range n.Inputs[1:] {
		sig.In, sig.Free[i+1] = append(sig.In, nil), true
	}
	for _, s := range cut.outputs {
		sig.Out = append(sig.Out, o.part(slices.Index(o.parts, s), cut.scalar))
	}
	for name, d := range o.sizes {
		c.size(name, d)
	}
	c.node = &n
	inf.relate(c, sig)
}

// part is the layout of one part; scalar says that the axis is left out.
func (o opened) part(i int, scalar bool) Layout {
	var out Layout
	for _, a := range o.right {
		f, _ := plain(a)
		switch {
		case f.Name == o.cut && scalar:
		case f.Name == o.cut && o.parts[i].size() == 1:
			out = append(out, Axis{Term{}})
		case f.Name == o.cut:
			out = append(out, Axis{Term{{Name: o.name(o.cut, i)}}})
		default:
			own := make(Axis, len(a))
			for j, t := range a {
				own[j] = slices.Clone(t)
				for m := range own[j] {
					if f := &own[j][m]; o.beside[f.Name] {
						f.Name = o.name(f.Name, i)
					}
				}
			}
			out = append(out, own)
		}
	}
	return out
}

// cutting is how a node cuts one axis of its first input: the slots that go to
// each output.
type cutting struct {
	axis    int
	size    int64
	outputs []span
	scalar  bool // the axis is left out
}

// cutting tells how the node cuts an axis, if it is one that does and it is known
// where.
func (c *call) cutting() (cutting, bool) {
	d, err := c.dims(0)
	if err != nil || c.node.Domain != "" {
		return cutting{}, false
	}
	var out cutting
	switch c.node.Op {
	case "Gather", "GatherND":
		t, ok := c.taken()
		if !ok || len(t.runs) != 1 {
			return out, false
		}
		out.axis, out.outputs, out.scalar = t.axis, t.runs, t.scalar
	case "Split":
		if out.axis, err = axis(c.int("axis", 0), len(d)); err != nil {
			return out, false
		}
	case "Slice":
		cuts, err := c.cuts(d)
		out.axis = -1
		for k, s := range cuts {
			if s.whole {
				continue
			}
			if out.axis >= 0 || !s.known {
				return out, false
			}
			out.axis, out.outputs = k, []span{{s.from, s.to}}
		}
		if err != nil || out.axis < 0 {
			return out, false
		}
	default:
		return out, false
	}
	var known bool
	if out.size, known = d[out.axis].Known(); !known {
		return out, false
	}
	if c.node.Op == "Split" {
		sizes, ok := c.splitSizes(d[out.axis])
		at := int64(0)
		for _, n := range sizes {
			out.outputs = append(out.outputs, span{at, at + n})
			at += n
		}
		return out, ok && at == out.size && !slices.Contains(sizes, 0)
	}
	return out, true
}
