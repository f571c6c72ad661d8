package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// control handles the operators that have bodies. It reports whether n is one.
//
//	If    both branches and the outputs carry the same layouts
//	Loop  a carried value has one layout on entry, at every turn and on exit
//	Scan  likewise, and the axes that are walked keep their order
func (inf *inference) control(n *onnxgraph.Node) bool {
	switch n.Op {
	case "If":
		inf.branches(n)
	case "Loop":
		inf.loop(n)
	case "Scan":
		inf.scan(n)
	default:
		return false
	}
	return true
}

func (inf *inference) branches(n *onnxgraph.Node) {
	names := []string{"then_branch", "else_branch"}
	if only, ok := inf.info.Branch(n); ok { // what never runs constrains nothing
		names = []string{only}
	}
	for _, name := range names {
		body := n.Attrs[name].Graph
		if body == nil || len(body.Outputs) != len(n.Outputs) {
			inf.freezeNode(n, "a branch does not have the outputs of the node")
			return
		}
		inf.graph(body)
		for i, out := range body.Outputs {
			if n.Outputs[i] != nil {
				inf.same(n, out, n.Outputs[i])
			}
		}
	}
	if len(n.Inputs) > 0 && n.Inputs[0] != nil {
		inf.steer(n.Inputs[0], n)
	}
}

// loop: inputs are trip count, condition, carried…; the body takes iteration,
// condition, carried… and gives condition, carried…, scanned….
func (inf *inference) loop(n *onnxgraph.Node) {
	body := n.Attrs["body"].Graph
	carried := len(n.Inputs) - 2
	if body == nil || carried < 0 || len(body.Inputs) != carried+2 || len(body.Outputs) < carried+1 || len(n.Outputs) != len(body.Outputs)-1 {
		inf.freezeNode(n, "the body does not fit the node")
		return
	}
	for i := range 2 {
		inf.freezeValue(body.Inputs[i], &cause{n, "it steers Loop"})
		if n.Inputs[i] != nil {
			inf.steer(n.Inputs[i], n)
		}
	}
	for i := range carried {
		inf.same(n, n.Inputs[i+2], body.Inputs[i+2])
	}
	inf.graph(body)
	for i := range carried {
		inf.same(n, body.Outputs[i+1], body.Inputs[i+2])
		if n.Outputs[i] != nil {
			inf.same(n, body.Outputs[i+1], n.Outputs[i])
		}
	}
	for i := carried + 1; i < len(body.Outputs); i++ {
		if out := n.Outputs[i-1]; out != nil {
			inf.stacked(n, body.Outputs[i], out, 0)
		}
	}
}

// scan handles opset 9 and later: inputs are states…, scanned…; axes default
// to 0.
func (inf *inference) scan(n *onnxgraph.Node) {
	body := n.Attrs["body"].Graph
	scanned := int(n.Attrs["num_scan_inputs"].Int)
	states := len(n.Inputs) - scanned
	if body == nil || n.Version < 9 || states < 0 || len(body.Inputs) != len(n.Inputs) || len(body.Outputs) != len(n.Outputs) || len(n.Outputs) < states {
		inf.freezeNode(n, "the body does not fit the node")
		return
	}
	axisOf := func(attr string, i int) int {
		if list := n.Attrs[attr].Ints; i < len(list) {
			return int(list[i])
		}
		return 0
	}
	for i := range states {
		inf.same(n, n.Inputs[i], body.Inputs[i])
	}
	for i := range scanned {
		inf.stacked(n, body.Inputs[states+i], n.Inputs[states+i], axisOf("scan_input_axes", i))
	}
	inf.graph(body)
	for i := range states {
		inf.same(n, body.Outputs[i], body.Inputs[i])
		if n.Outputs[i] != nil {
			inf.same(n, body.Outputs[i], n.Outputs[i])
		}
	}
	for i := states; i < len(n.Outputs); i++ {
		if n.Outputs[i] != nil {
			inf.stacked(n, body.Outputs[i], n.Outputs[i], axisOf("scan_output_axes", i-states))
		}
	}
}

// same gives two values one layout.
func (inf *inference) same(n *onnxgraph.Node, a, b *onnxgraph.Value) {
	if a == nil || b == nil {
		return
	}
	la, ok := inf.operand(a, n)
	if !ok {
		inf.freezeValue(b, &cause{n, "a rank is not known"})
		return
	}
	if _, seen := inf.layouts[b]; !seen && b.Weight == nil {
		inf.layouts[b] = la
	}
	lb, ok := inf.operand(b, n)
	if !ok || len(la) != len(lb) {
		inf.freezeAll(append(la, lb...), &cause{n, "the ranks differ from one path to another"})
		return
	}
	inf.tieLayouts(n, la, lb)
}

func (inf *inference) tieLayouts(n *onnxgraph.Node, la, lb []sum) {
	env := map[string]sum{}
	var l Layout
	for k, name := range names("x", len(la)) {
		inf.unify(la[k], lb[k], n)
		env[name] = la[k]
		l = append(l, Axis{Term{Factor{Name: name}}})
	}
	inf.relation = append(inf.relation, relation{n, Signature{In: []Layout{l}, Out: []Layout{l}}, env, [][]sum{lb}})
}

// stacked relates a value of the body with the value outside that has one more
// axis, walked in order.
func (inf *inference) stacked(n *onnxgraph.Node, slice, whole *onnxgraph.Value, at int) {
	l, ok := inf.operand(slice, n)
	if !ok {
		inf.freezeValue(whole, &cause{n, "a rank is not known"})
		return
	}
	if at < 0 {
		at += len(l) + 1
	}
	if at < 0 || at > len(l) {
		inf.freezeNode(n, "the walked axis does not exist")
		return
	}
	walked := single(inf.fresh(inf.unknown()))
	inf.freeze(walked, &cause{n, n.Op + " walks along this axis"})
	full := append(append(append([]sum{}, l[:at]...), walked), l[at:]...)
	if _, seen := inf.layouts[whole]; !seen && whole.Weight == nil {
		inf.layouts[whole] = full
		full = append([]sum{}, full...)
	}
	lw, ok := inf.operand(whole, n)
	if !ok || len(lw) != len(full) {
		inf.freezeAll(append(full, lw...), &cause{n, "the ranks differ from one path to another"})
		return
	}
	// The slice is related too: what stands in it does not see the walked axis.
	inf.tieLayouts(n, lw, full)
	inf.tieLayouts(n, l, l)
}
