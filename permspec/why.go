package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// Explanation tells why an axis may not move: the reason, the node where it
// arose (nil for the graph's own inputs and outputs), and the nodes through
// which it reached the weight, the nearest first.
type Explanation struct {
	Axis   int
	Reason string
	Origin *onnxgraph.Node
	Chain  []*onnxgraph.Node
}

// Why explains every frozen axis of the weight. It is empty for a weight of
// which all axes move, and for a Spec read from JSON.
func (s *Spec) Why(w *onnxgraph.Weight) []Explanation {
	inf := s.explain
	if inf == nil {
		return nil
	}
	var out []Explanation
	for k, x := range inf.weights[w] {
		seen := map[*cause]bool{}
		inf.resolve(x).each(func(a int) {
			why := inf.atoms[a].frozen
			if why == nil || seen[why] {
				return
			}
			seen[why] = true
			out = append(out, Explanation{k, why.reason, why.node, inf.chain(x, inf.origins[why])})
		})
	}
	return out
}

// chain finds the shortest way from the atoms of x to one of the goals along
// the links, and returns its nodes.
func (inf *inference) chain(x sum, goals []int) []*onnxgraph.Node {
	type step struct {
		atom, prev int
		node       *onnxgraph.Node
	}
	near := map[int][]step{}
	for _, l := range inf.links {
		near[l.a] = append(near[l.a], step{atom: l.b, node: l.node})
		near[l.b] = append(near[l.b], step{atom: l.a, node: l.node})
	}
	goal := map[int]bool{}
	for _, g := range goals {
		goal[g] = true
	}
	var queue []step
	seen := map[int]bool{}
	x.each(func(a int) {
		queue, seen[a] = append(queue, step{atom: a, prev: -1}), true
	})
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		if goal[at.atom] {
			var nodes []*onnxgraph.Node
			for j := i; j >= 0; j = queue[j].prev {
				if n := queue[j].node; n != nil && (len(nodes) == 0 || nodes[len(nodes)-1] != n) {
					nodes = append(nodes, n)
				}
			}
			for l, r := 0, len(nodes)-1; l < r; l, r = l+1, r-1 {
				nodes[l], nodes[r] = nodes[r], nodes[l]
			}
			return nodes
		}
		for _, next := range near[at.atom] {
			if !seen[next.atom] {
				seen[next.atom] = true
				queue = append(queue, step{next.atom, i, next.node})
			}
		}
	}
	return nil
}
