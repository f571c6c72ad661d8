package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
)

// compare says in what two nodes differ. One of them may be nil.
func (m *matcher) compare(a, b *Node) *Difference {
	switch {
	case a == nil:
		return m.lone(&Difference{B: b.place()}, "%[3]s of %[2]s has no counterpart in %[1]s", b)
	case b == nil:
		return m.lone(&Difference{A: a.place()}, "%[3]s of %[1]s has no counterpart in %[2]s", a)
	case a.Op != b.Op || a.Domain != b.Domain:
		return m.both(a, b, "%s of %s stands where %s has %s%s", a.place(), m.a.name, m.b.name, b.place(), m.hint(a, b))
	}
	if d := m.compareNormalization(a, b); d != nil {
		return d
	}
	if d := m.compareAttrs(a, b); d != nil {
		return d
	}
	ia, ib := m.a.inputs(a), m.b.inputs(b)
	for i := range max(len(ia), len(ib)) {
		if i >= len(ia) || i >= len(ib) || (ia[i] == nil) != (ib[i] == nil) {
			return m.has(a, b, counted(given(ia), "input"), counted(given(ib), "input"))
		}
		x, y := m.a.source(ia[i]), m.b.source(ib[i])
		if x == nil || m.a.ids[x] == m.b.ids[y] {
			continue
		}
		if x.Weight != nil && y.Weight != nil {
			if d := m.compareWeights(a, b, x.Weight, y.Weight); d != nil {
				return d
			}
			continue
		}
		return m.both(a, b, "%s of %s reads %s, %s of %s reads %s",
			a.place(), m.a.name, m.a.describe(x), b.place(), m.b.name, m.b.describe(y))
	}
	if len(a.Outputs) != len(b.Outputs) {
		return m.has(a, b, counted(len(a.Outputs), "output"), counted(len(b.Outputs), "output"))
	}
	return m.both(a, b, "%s of %s and %s of %s differ", a.place(), m.a.name, b.place(), m.b.name)
}

// hint says what may have made two operators of one.
func (m *matcher) hint(a, b *Node) string {
	const norm = "BatchNormalization"
	switch {
	case a.Op == "Gemm" && b.Op == "MatMul" || a.Op == "MatMul" && b.Op == "Gemm":
		return "; only a Gemm without attributes is the same as a MatMul"
	case a.Op == norm:
		return fmt.Sprintf("; %s may have its normalization folded in", m.b.name)
	case b.Op == norm:
		return fmt.Sprintf("; %s may have its normalization folded in", m.a.name)
	}
	return ""
}

// compareNormalization recognizes a node that is followed by a batch
// normalization on one side only, which has given the other side's its bias.
func (m *matcher) compareNormalization(a, b *Node) *Difference {
	na, nb := m.a.normalization(a), m.b.normalization(b)
	ia, ib := m.a.inputs(a), m.b.inputs(b)
	switch {
	case na != nil && nb == nil && len(ia) < len(ib):
		return m.both(a, b, "%s of %s is normalized by %s, which in %s may be folded into %s",
			a.place(), m.a.name, na.place(), m.b.name, b.place())
	case na == nil && nb != nil && len(ia) > len(ib):
		return m.both(a, b, "%s of %s is normalized by %s, which in %s may be folded into %s",
			b.place(), m.b.name, nb.place(), m.a.name, a.place())
	}
	return nil
}

// normalization returns the batch normalization that reads what a node
// computes, or nil.
func (s *side) normalization(n *Node) *Node {
	if len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return nil
	}
	for _, u := range n.Outputs[0].Uses {
		if u.Node.Op == "BatchNormalization" && u.Input == 0 {
			return u.Node
		}
	}
	return nil
}

// compareAttrs says in which attribute two nodes differ, or returns nil.
func (m *matcher) compareAttrs(a, b *Node) *Difference {
	xs, ys := m.a.attrs(a), m.b.attrs(b)
	// The shape of a kernel is told by its weight too, but this says it better.
	if x, ok := a.Attrs["kernel_shape"]; ok {
		if y, ok := b.Attrs["kernel_shape"]; ok {
			xs["kernel_shape"], ys["kernel_shape"] = x, y
		}
	}
	all := maps.Clone(xs)
	maps.Copy(all, ys)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		x, inA := xs[name]
		y, inB := ys[name]
		switch {
		case inA != inB:
			return m.has(a, b, m.a.say(a, name), m.b.say(b, name))
		case x.Kind != y.Kind:
			return m.has(a, b, m.a.say(a, name), m.b.say(b, name))
		}
		if d := m.compareParts(a, b, name, x, y); d != nil {
			return d
		}
		if x.text() != y.text() {
			return m.has(a, b, name+" "+brief(x.text()), brief(y.text()))
		}
	}
	return nil
}

// compareParts compares the weights and bodies of two attributes.
func (m *matcher) compareParts(a, b *Node, name string, x, y Attr) *Difference {
	wx, wy, bx, by := weights(x), weights(y), bodies(x), bodies(y)
	if len(wx) != len(wy) || len(bx) != len(by) {
		return m.has(a, b, fmt.Sprintf("%d parts of %s", len(wx)+len(bx), name), fmt.Sprint(len(wy)+len(by)))
	}
	for i := range wx {
		if d := m.compareWeights(a, b, wx[i], wy[i]); d != nil {
			return d
		}
	}
	for i := range bx {
		if len(bx[i].Inputs) != len(by[i].Inputs) || len(bx[i].Outputs) != len(by[i].Outputs) {
			return m.has(a, b,
				fmt.Sprintf("a body (%s) with %s and %s", name, counted(len(bx[i].Inputs), "input"), counted(len(bx[i].Outputs), "output")),
				fmt.Sprintf("one with %d and %d", len(by[i].Inputs), len(by[i].Outputs)))
		}
		for k, v := range bx[i].Outputs {
			if m.a.ids[v] != m.b.ids[by[i].Outputs[k]] {
				return m.difference(bx[i].Outputs, by[i].Outputs)
			}
		}
	}
	return nil
}

// compareWeights says in what two weights differ, or returns nil.
func (m *matcher) compareWeights(a, b *Node, x, y *Weight) *Difference {
	say := func(format string, x0, y0 any) *Difference {
		return m.both(a, b, "weight %q of %s (%s) "+format+", weight %q of %s (%s) "+format,
			x.Name, m.a.name, a.place(), x0, y.Name, m.b.name, b.place(), y0)
	}
	switch {
	case x == nil || y == nil:
		return nil
	case x.Type != y.Type:
		return say("is %v", x.Type, y.Type)
	case !slices.Equal(x.Shape, y.Shape):
		return say("has shape %v", shown(x.Shape), shown(y.Shape))
	case !steers(x.Type) || m.a.quantized[x]:
		return nil
	}
	cx, errX := m.a.content(x)
	cy, errY := m.b.content(y)
	switch {
	case errX != nil || errY != nil || cx == cy:
		return nil
	case x.Elements() > 16:
		return m.both(a, b, "constant %q of %s (%s) and constant %q of %s (%s) hold different numbers",
			x.Name, m.a.name, a.place(), y.Name, m.b.name, b.place())
	}
	return m.both(a, b, "constant %q of %s (%s) holds %s, constant %q of %s (%s) holds %s",
		x.Name, m.a.name, a.place(), cx, y.Name, m.b.name, b.place(), cy)
}

// sources says that two outputs come from different places.
func (m *matcher) sources(x, y *Value) *Difference {
	return &Difference{Reason: fmt.Sprintf("output %q of %s is %s, output %q of %s is %s",
		x.Name, m.a.name, m.a.describe(m.a.source(x)), y.Name, m.b.name, m.b.describe(m.b.source(y)))}
}

// describe says what a value is.
func (s *side) describe(v *Value) string {
	switch {
	case v == nil:
		return "nothing"
	case v.Weight != nil:
		return fmt.Sprintf("weight %v", v.Weight)
	case v.Producer != nil:
		return "what " + v.Producer.place() + " computes"
	}
	return fmt.Sprintf("%v input %q", v.Type, v.Name)
}

// say returns an attribute with its name, or that there is none.
func (s *side) say(n *Node, name string) string {
	a, ok := s.allAttrs(n)[name]
	switch {
	case !ok:
		return "no " + name
	case len(weights(a))+len(bodies(a)) > 0:
		return "a " + name
	}
	return name + " " + brief(a.text())
}

// brief cuts a text that would drown a message.
func brief(text string) string {
	const most = 60
	r := []rune(text)
	if len(r) <= most {
		return text
	}
	return string(r[:most]) + "…"
}

// has returns the difference between what two nodes have.
func (m *matcher) has(a, b *Node, x, y string) *Difference {
	return m.both(a, b, "%s of %s has %s, %s of %s has %s", a.place(), m.a.name, x, b.place(), m.b.name, y)
}

func (m *matcher) both(a, b *Node, format string, args ...any) *Difference {
	return &Difference{a.place(), b.place(), fmt.Sprintf(format, args...)}
}

func (m *matcher) lone(d *Difference, format string, n *Node) *Difference {
	d.Reason = fmt.Sprintf(format, m.a.name, m.b.name, n.place())
	return d
}

// given counts the inputs that are not left out.
func given(in []*Value) int {
	n := 0
	for _, v := range in {
		if v != nil {
			n++
		}
	}
	return n
}

// shown is a shape as messages give it.
func shown(shape []int64) string { return fmt.Sprint(append([]int64{}, shape...)) }

// place returns what messages call a node of two models: its place in the
// graph, name and operator.
func (n *Node) place() string {
	text := fmt.Sprintf("node %d", n.index)
	if n.Name != "" {
		text += fmt.Sprintf(" %q", n.Name)
	}
	text += " (" + n.Op + ")"
	if n.Graph.Outer != nil {
		text += " in the body of " + n.Graph.Outer.place()
	}
	return text
}
