package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
)

// difference finds the first place where the two sides part, between graphs
// that compute the given outputs.
func (m *matcher) difference(a, b []*Value) *Difference {
	la, lb := m.a.live(a), m.b.live(b)
	oddA, oddB := odd(m.a, la, m.b, lb), odd(m.b, lb, m.a, la)
	switch {
	case len(oddA) > 0:
		return m.compare(oddA[0], m.partner(oddA[0], oddB))
	case len(oddB) > 0:
		return m.compare(nil, oddB[0])
	}
	for i, v := range a {
		if m.a.ids[v] != m.b.ids[b[i]] {
			return m.sources(v, b[i])
		}
	}
	return &Difference{Reason: fmt.Sprintf("the graphs of %s and %s differ", m.a.name, m.b.name)}
}

// live returns the nodes of one graph that compute the given values, in order.
func (s *side) live(outputs []*Value) []*Node {
	seen := map[*Node]bool{}
	var out []*Node
	todo := slices.Clone(outputs)
	for len(todo) > 0 {
		v := s.source(todo[len(todo)-1])
		todo = todo[:len(todo)-1]
		if v == nil || v.Weight != nil || v.Producer == nil || s.folded[v] || seen[v.Producer] {
			continue
		}
		n := v.Producer
		seen[n] = true
		out = append(out, n)
		todo = append(todo, n.Inputs...)
		todo = append(todo, captured(n, nil)...)
	}
	slices.SortFunc(out, func(a, b *Node) int { return a.index - b.index })
	return out
}

// captured appends the values that the bodies of a node read from outside.
func captured(n *Node, out []*Value) []*Value {
	for _, a := range n.Attrs {
		for _, body := range bodies(a) {
			for _, inner := range body.Nodes {
				out = append(out, inner.Inputs...)
				out = captured(inner, out)
			}
			out = append(out, body.Outputs...)
		}
	}
	return slices.DeleteFunc(out, func(v *Value) bool { return v == nil || !visible(v, n.Graph) })
}

// visible reports whether a value is of a graph or of one around it.
func visible(v *Value, g *Graph) bool {
	for ; g != nil; g = outside(g) {
		if v.Graph == g {
			return true
		}
	}
	return false
}

func outside(g *Graph) *Graph {
	if g.Outer == nil {
		return nil
	}
	return g.Outer.Graph
}

// odd returns the nodes of a side that compute what none of the other's do.
func odd(s *side, nodes []*Node, other *side, others []*Node) []*Node {
	ids := map[int]bool{}
	for _, n := range others {
		for _, v := range n.Outputs {
			if v != nil {
				ids[other.ids[v]] = true
			}
		}
	}
	var out []*Node
	for _, n := range nodes {
		if slices.ContainsFunc(n.Outputs, func(v *Value) bool { return v != nil && !ids[s.ids[v]] }) {
			out = append(out, n)
		}
	}
	return out
}

// partner returns the node of b's odd ones that stands where n does: one that
// reads the same, of the same operator if there is one; otherwise the first.
func (m *matcher) partner(n *Node, odd []*Node) *Node {
	var best *Node
	bestScore := -1
	want := m.a.data(n)
	for _, x := range odd {
		score := 0
		got := m.b.data(x)
		if slices.Equal(got, want) {
			score += 4
		} else if len(got) > 0 && len(want) > 0 && got[0] == want[0] {
			score += 2
		}
		if x.Op == n.Op && score > 0 {
			score++
		}
		if score > bestScore {
			best, bestScore = x, score
		}
	}
	return best
}

// data returns the ids of what a node reads and is no weight.
func (s *side) data(n *Node) []int {
	var out []int
	for _, v := range s.inputs(n) {
		if src := s.source(v); src != nil && src.Weight == nil {
			out = append(out, s.ids[src])
		}
	}
	return out
}

// compare says in what two nodes differ. One of them may be nil.
func (m *matcher) compare(a, b *Node) *Difference {
	switch {
	case a == nil:
		return m.lone(&Difference{B: b.place()}, "%[3]s of %[2]s has no counterpart in %[1]s", b)
	case b == nil:
		return m.lone(&Difference{A: a.place()}, "%[3]s of %[1]s has no counterpart in %[2]s", a)
	case a.Op != b.Op || a.Domain != b.Domain:
		return m.both(a, b, "%s of %s stands where %s has %s", a.place(), m.a.name, m.b.name, b.place())
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
			return m.has(a, b, name+" "+x.text(), y.text())
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
	return fmt.Sprintf("input %q", v.Name)
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
	return name + " " + a.text()
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
