package repair

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// waves cuts a list of nodes, in order, into runs whose nodes do not depend on
// each other: what they read can be computed in one pass. reads gives the value
// that counts of each.
func waves(nodes []*onnxgraph.Node, reads []*onnxgraph.Value) [][]int {
	var out [][]int
	var now []int
	inNow := map[*onnxgraph.Node]bool{}
	for i, n := range nodes {
		if len(now) > 0 && depends(reads[i], inNow) {
			out, now = append(out, now), nil
			clear(inNow)
		}
		now = append(now, i)
		inNow[n] = true
	}
	if len(now) > 0 {
		out = append(out, now)
	}
	return out
}

// depends reports whether v is computed from what one of the nodes computes.
func depends(v *onnxgraph.Value, on map[*onnxgraph.Node]bool) bool {
	seen := map[*onnxgraph.Node]bool{}
	var visit func(v *onnxgraph.Value) bool
	visit = func(v *onnxgraph.Value) bool {
		if v == nil || v.Producer == nil || seen[v.Producer] {
			return false
		}
		n := v.Producer
		seen[n] = true
		if on[n] {
			return true
		}
		for _, in := range n.Inputs {
			if visit(in) {
				return true
			}
		}
		found := false
		for _, a := range n.Attrs {
			for _, body := range append(a.Graphs[:len(a.Graphs):len(a.Graphs)], a.Graph) {
				if body != nil {
					everyNode(body, func(inner *onnxgraph.Node) {
						for _, in := range inner.Inputs {
							found = found || visit(in)
						}
					})
				}
			}
		}
		return found
	}
	return visit(v)
}
