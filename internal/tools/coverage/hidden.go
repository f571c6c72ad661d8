package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// hidden measures how many of the axes that could move do. Every axis with two
// slots or more of a floating-point weight counts by the weight's parameters.
// Left out are axes that no permutation can move: those that meet the graph's
// own inputs and outputs, the words of embeddings, the directions of recurrent
// layers, the windows of convolutions, and what steers a node.
type hidden struct {
	free, all int64
	lost      map[string]int64 // by reason
}

func hiddenAxes(m *onnxgraph.Model, s *permspec.Spec) hidden {
	h := hidden{lost: map[string]int64{}}
	why := map[*onnxgraph.Weight][]permspec.Explanation{}
	layouts := map[*onnxgraph.Weight]permspec.Layout{}
	for _, w := range s.Weights {
		layouts[w.Weight] = w.Layout
	}
	for _, w := range m.Weights() {
		if !w.Type.IsFloat() {
			continue
		}
		why[w] = s.Why(w)
		for axis, d := range w.Shape {
			if d < 2 {
				continue
			}
			if l := layouts[w]; l != nil && moves(l[axis]) {
				h.free, h.all = h.free+w.Elements(), h.all+w.Elements()
				continue
			}
			if reason := cause(why[w], axis); reason != "" && !window(w, axis, reason) && !words(m, w, axis) && !directions(m, w, axis) && !strings.HasPrefix(reason, "it meets the graph") && !strings.HasPrefix(reason, "it steers") {
				h.all += w.Elements()
				h.lost[reason] += w.Elements()
			}
		}
	}
	return h
}

// moves reports whether some factor of the axis is free.
func moves(a permspec.Axis) bool {
	for _, t := range a {
		for _, f := range t {
			if f.Name != "" && !f.Frozen || moves(f.Sum) || f.Pick != nil && moves(permspec.Axis{f.Pick}) {
				return true
			}
		}
	}
	return false
}

func cause(list []permspec.Explanation, axis int) string {
	for _, e := range list {
		if e.Axis == axis {
			return e.Reason
		}
	}
	return ""
}

// window reports whether the axis is one along which a convolution slides.
func window(w *onnxgraph.Weight, axis int, reason string) bool {
	return axis >= 2 && len(w.Shape) >= 3 && strings.Contains(reason, "Conv") && strings.HasSuffix(reason, "depends on the order along this axis")
}

// words reports whether the axis is one from which computed indices pick.
func words(m *onnxgraph.Model, w *onnxgraph.Weight, axis int) bool {
	for _, n := range m.Graph.Nodes {
		if n.Op == "Gather" && len(n.Inputs) == 2 && n.Inputs[0] != nil && n.Inputs[0].Weight == w && n.Inputs[1] != nil && n.Inputs[1].Weight == nil {
			at := int64(0)
			if a, ok := n.Attrs["axis"]; ok {
				at = a.Int
			}
			return at == int64(axis)
		}
	}
	return false
}

// directions reports whether the axis holds the directions of a recurrent layer.
func directions(m *onnxgraph.Model, w *onnxgraph.Weight, axis int) bool {
	return axis == 0 && slices.ContainsFunc(m.Graph.Nodes, func(n *onnxgraph.Node) bool {
		return (n.Op == "LSTM" || n.Op == "GRU" || n.Op == "RNN") && slices.ContainsFunc(n.Inputs, func(v *onnxgraph.Value) bool { return v != nil && v.Weight == w })
	})
}

// share is free of all in percent.
func share(free, all int64) string {
	if all == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(free)/float64(all))
}

// reasons names the two that cost most, with their part of all.
func (h hidden) reasons() string {
	var list []string
	for r := range h.lost {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(h.lost[b], h.lost[a]), cmp.Compare(a, b)) })
	var out []string
	for _, r := range list[:min(2, len(list))] {
		out = append(out, fmt.Sprintf("%s (%s)", strings.ReplaceAll(r, "|", "\\|"), share(h.lost[r], h.all)))
	}
	return strings.Join(out, "; ")
}
