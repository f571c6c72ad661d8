package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// shapes finds what is known of the model's values in every model the Spec is
// going to be applied to.
func shapes(m *onnxgraph.Model, opts Options) *onnxgraph.ShapeInfo {
	if opts.Same == nil {
		return onnxgraph.Shapes(m)
	}
	return onnxgraph.ShapesWithout(m, func(w *onnxgraph.Weight) bool { return !opts.Same(w) })
}

// steer freezes a value whose elements say what node n does, as the bounds of a
// Slice do: a permuted model must find them in the same places. Where they are
// known before the run, what they are computed from is frozen as well: the rule
// has read them, and the average of weights in another order has others.
func (inf *inference) steer(v *onnxgraph.Value, n *onnxgraph.Node) {
	why := &cause{n, "it steers " + opName(n)}
	inf.freezeValue(v, why)
	if _, known := inf.info.Ints(v); known {
		inf.freezeSources(v, why)
	} else if _, known := inf.info.Floats(v); known {
		inf.freezeSources(v, why)
	}
}

// freezeSources freezes the weights from whose numbers those of v are computed.
func (inf *inference) freezeSources(v *onnxgraph.Value, why *cause) {
	if v == nil || inf.steering[v] {
		return
	}
	inf.steering[v] = true
	n := v.Producer
	switch {
	case v.Weight != nil:
		inf.freezeAll(inf.weightLayout(v.Weight), why)
	case n == nil || n.Domain == "" && (n.Op == "Shape" || n.Op == "Size"):
	default:
		for _, in := range n.Inputs {
			inf.freezeSources(in, why)
		}
		for _, body := range n.Bodies() {
			for _, out := range body.Outputs {
				inf.freezeSources(out, why)
			}
		}
	}
}
