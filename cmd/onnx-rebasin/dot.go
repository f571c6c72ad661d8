package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// dot draws the symmetry in Graphviz's language: weights as boxes with their
// layouts, grey where nothing moves, groups as ellipses, an edge for each axis
// where a group stands, a dashed one from a group to what it is under.
func dot(w io.Writer, m *onnxgraph.Model, s *permspec.Spec) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "graph symmetry {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	layouts := map[string]permspec.Layout{}
	for _, l := range s.Weights {
		layouts[l.Weight.Name] = l.Layout
	}
	for _, weight := range m.Weights() {
		l, moves := layouts[weight.Name]
		switch {
		case moves:
			fmt.Fprintf(b, "  %s [shape=box, label=%s];\n", weightID(weight.Name), strconv.Quote(weight.Name+"\n"+l.String()))
		case weight.Type.IsFloat():
			fmt.Fprintf(b, "  %s [shape=box, color=grey, fontcolor=grey, label=%s];\n", weightID(weight.Name), strconv.Quote(weight.Name+"\n"+shape(weight.Shape)))
		}
	}
	for g, group := range s.Groups {
		fmt.Fprintf(b, "  %s [shape=ellipse, style=filled, fillcolor=%q, label=\"%s\\n%d\"];\n", groupID(group.Name), hue(g), group.Name, group.Size)
		for _, y := range group.Under {
			fmt.Fprintf(b, "  %s -- %s [style=dashed, label=under];\n", groupID(group.Name), groupID(s.Groups[y].Name))
		}
		for _, member := range s.Members(g) {
			fmt.Fprintf(b, "  %s -- %s [label=%d, color=%q];\n", groupID(group.Name), weightID(member.Weight), member.Axis, hue(g))
		}
	}
	fmt.Fprint(b, "}\n")
	return b.Flush()
}

// Groups and weights may share names.
func weightID(name string) string { return strconv.Quote("weight " + name) }
func groupID(name string) string  { return strconv.Quote("group " + name) }

// hue is a light colour in Graphviz's form, far from that of its neighbours:
// hues are apart by the golden ratio.
func hue(g int) string {
	_, fraction := math.Modf(float64(g) * 0.618034)
	return fmt.Sprintf("%.3f 0.35 0.95", fraction)
}
