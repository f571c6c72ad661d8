package repair

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// biasInput is the bias among the inputs of Gemm, Conv and ConvTranspose, which may
// be left out (Gemm: from opset 11 on).
const biasInput = 2

// empty reports whether the layer's node has left its bias out, and no normalization
// takes what would be added to it.
func (l *layer) empty() bool {
	n := l.node
	if l.bias != nil || l.norm != nil || n.InFunction() || len(n.Inputs) > biasInput && n.Inputs[biasInput] != nil {
		return false
	}
	beta, given := n.Attrs["beta"]
	return n.Op != "MatMul" && (!given || beta.Float == 1)
}

// widened is ends and their average with biases of zeros wherever a layer has left
// its own out: they compute what they did, and a repair finds biases to write to.
type widened struct {
	ends    []End
	average *onnxgraph.Model

	narrow *onnxgraph.Model // the average as it was
	nodes  []*onnxgraph.Node
	names  []string // of the biases, the last of the average's weights
}

// widen adds the biases that a repair of a kind may write to.
func widen(ends []End, average *onnxgraph.Model, kind Kind, keep bool) (*widened, error) {
	w := &widened{ends: ends, average: average, narrow: average}
	if keep || kind == None || kind == BN {
		return w, nil
	}
	var edits []onnxgraph.Edit
	taken := names(average)
	for _, l := range layersOf(average) {
		if l.empty() {
			name := unused(biasName(l.weight), taken)
			w.nodes, w.names = append(w.nodes, l.node), append(w.names, name)
			n := l.groups * l.outs
			edits = append(edits, onnxgraph.SetInput(l.node, biasInput, name),
				onnxgraph.AddWeight(name, l.weight.Type, []int64{int64(n)}, solver.Content(l.weight.Type, make([]float64, n))))
		}
	}
	if len(edits) == 0 {
		return w, nil
	}
	models := []*onnxgraph.Model{average}
	for _, e := range ends {
		models = append(models, e.Model)
	}
	wide, err := onnxgraph.EditAll(models, edits...)
	if err != nil {
		return nil, fmt.Errorf("repair: add biases: %w", err)
	}
	w.average, w.ends = wide[0], slices.Clone(ends)
	for k := range w.ends {
		e := &w.ends[k]
		e.Model = wide[k+1]
		e.Parts, e.Shares = counterparts(e.Parts, average, e.Model), counterparts(e.Shares, average, e.Model)
	}
	return w, nil
}

// counterparts is a map by weights of a model as one by those of a model with weights
// added.
func counterparts[T any](by map[*onnxgraph.Weight]T, from, to *onnxgraph.Model) map[*onnxgraph.Weight]T {
	out := make(map[*onnxgraph.Weight]T, len(by))
	for i, w := range from.Weights() {
		if v, ok := by[w]; ok {
			out[to.Weights()[i]] = v
		}
	}
	return out
}

// finish returns the repaired average without the biases that are zeros still, and how
// many there are more than before.
func (w *widened) finish(e *edits) (*onnxgraph.Model, int, error) {
	if len(w.names) == 0 {
		return e.model, 0, nil
	}
	all := e.model.Weights()
	biases := all[len(all)-len(w.names):]
	var changes []onnxgraph.Edit
	var kept []*onnxgraph.Weight
	for k, b := range biases {
		numbers, err := e.model.Float64s(b)
		if err != nil {
			return nil, 0, err
		}
		if slices.ContainsFunc(numbers, func(v float64) bool { return v != 0 }) {
			kept = append(kept, b)
			changes = append(changes, onnxgraph.SetInput(w.nodes[k], biasInput, w.names[k]),
				onnxgraph.AddWeight(b.Name, b.Type, b.Shape, content(e.model, b)))
		} else {
			delete(e.changed, b)
		}
	}
	out := w.narrow
	if len(kept) > 0 {
		var err error
		if out, err = out.Edit(changes...); err != nil {
			return nil, 0, fmt.Errorf("repair: add biases: %w", err)
		}
	}
	numbers := map[*onnxgraph.Weight]onnxgraph.Content{}
	for i, was := range all[:len(all)-len(biases)] {
		if e.changed[was] {
			numbers[out.Weights()[i]] = content(e.model, was)
		}
	}
	return out.With(numbers), len(kept), nil
}

// content is a weight as it is in a model.
func content(m *onnxgraph.Model, w *onnxgraph.Weight) onnxgraph.Content {
	return func() ([]byte, error) { return m.Bytes(w) }
}

// biasName is what the bias beside a weight is called.
func biasName(w *onnxgraph.Weight) string {
	if layer, ok := strings.CutSuffix(w.Name, ".weight"); ok {
		return layer + ".bias"
	}
	return w.Name + "_bias"
}

// names lists the names of all values of a model's main graph and of the bodies in it.
func names(m *onnxgraph.Model) map[string]bool {
	out := map[string]bool{}
	add := func(values []*onnxgraph.Value) {
		for _, v := range values {
			if v != nil {
				out[v.Name] = true
			}
		}
	}
	for _, w := range m.Weights() {
		out[w.Name] = true
	}
	add(m.Graph.Inputs)
	everyNode(m.Graph, func(n *onnxgraph.Node) {
		add(n.Inputs)
		add(n.Outputs)
		for _, b := range n.Bodies() {
			add(b.Inputs)
		}
	})
	return out
}

// unused is the name, or that with a number after it, that nothing has; it is taken
// then.
func unused(name string, taken map[string]bool) string {
	out := name
	for k := 2; taken[out]; k++ {
		out = fmt.Sprint(name, "_", k)
	}
	taken[out] = true
	return out
}
