package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// live finds the nodes whose numbers can reach an output of g. Exporters leave
// others behind: what only the shape of is asked for, say, constrains nothing.
// Cost: linear in the nodes.
func live(g *onnxgraph.Graph) map[*onnxgraph.Node]bool {
	found := map[*onnxgraph.Node]bool{}
	todo := append([]*onnxgraph.Value{}, g.Outputs...)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v == nil || v.Producer == nil || found[v.Producer] {
			continue
		}
		n := v.Producer
		found[n] = true
		for _, body := range n.Bodies() {
			todo = append(todo, body.Outputs...)
		}
		if n.Domain != "" || n.Op != "Shape" && n.Op != "Size" {
			todo = append(todo, n.Inputs...)
		}
	}
	return found
}
