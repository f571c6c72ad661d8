package onnxgraph

import (
	"fmt"
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
		if p, ok := other.products[n]; ok {
			ids[p] = true
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
