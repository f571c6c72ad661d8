package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show which axes can be permuted together, and what is frozen and why",
		UsageText: "onnx-rebasin inspect M.onnx [--why WEIGHT]\n\nExample: onnx-rebasin inspect model.onnx --why head.weight",
		Flags: append(specFlags(),
			&cli.StringFlag{Name: "why", Usage: "explain the frozen axes of `WEIGHT`: the chain of nodes that led there"},
			&cli.BoolFlag{Name: "dot", Usage: "print a drawing of groups and weights for Graphviz: … --dot | dot -Tsvg > groups.svg"},
			jsonFlag(),
		),
		Action: inspect,
	}
}

func inspect(c *cli.Context) error {
	path, err := oneFile(c)
	if err != nil {
		return err
	}
	m, err := load(c, path)
	if err != nil {
		return err
	}
	defer m.Close()
	spec, err := inferSpec(c, m)
	if err != nil {
		return err
	}
	made, err := rebasin.ProvenanceOf(m)
	if err != nil {
		hint(c.App.ErrWriter, path+": "+err.Error()+" cannot be read")
	}
	switch {
	case c.String("why") != "":
		return why(c.App.Writer, m, spec, c.String("why"))
	case c.Bool("dot"):
		return dot(c.App.Writer, m, spec)
	case c.Bool("json"):
		return writeJSON(c.App.Writer, struct {
			Spec       permspec.Document   `json:"spec"`
			Provenance *rebasin.Provenance `json:"provenance,omitempty"`
		}{spec.Document(), made})
	}
	if made != nil {
		describeProvenance(c.App.Writer, made)
	}
	return describe(c.App.Writer, spec)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// describe prints the groups, the layouts, and what is frozen.
func describe(w io.Writer, s *permspec.Spec) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s in %s; %s\n", count(len(s.Groups), "group"), count(s.FreeSlots(), "free slot"), share(s))
	if len(s.Groups) > 0 {
		fmt.Fprint(t, "\ngroup\tsize\tunder\tstands in\n")
	}
	for g, group := range s.Groups {
		var under []string
		for _, y := range group.Under {
			under = append(under, s.Groups[y].Name)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", group.Name, group.Size, strings.Join(under, " "), members(s.Members(g)))
	}
	if len(s.Weights) > 0 {
		fmt.Fprint(t, "\nweight\tshape\tlayout\n")
	}
	for _, l := range s.Weights {
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Weight.Name, shape(l.Weight.Shape), l.Layout)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, io := range s.IO {
		fmt.Fprintf(w, "\nfreed: %s, axes %v: %s\n", io.Value.Name, io.Axes, io.Layout.Layout)
	}
	for _, f := range frozenByReason(s.Frozen) {
		fmt.Fprintf(w, "\nfrozen because %s:\n  %s\n", f.reason, members(f.axes))
	}
	return nil
}

type frozenAxes struct {
	reason string
	axes   []permspec.Member
}

// frozenByReason gathers the axes that one reason froze, in order of first
// mention.
func frozenByReason(list []permspec.Frozen) []frozenAxes {
	var out []frozenAxes
	at := map[string]int{}
	for _, f := range list {
		i, seen := at[f.Reason]
		if !seen {
			i = len(out)
			at[f.Reason] = i
			out = append(out, frozenAxes{reason: f.Reason})
		}
		out[i].axes = append(out[i].axes, permspec.Member{Weight: f.Weight, Axis: f.Axis})
	}
	return out
}

func members(ms []permspec.Member) string {
	var parts []string
	for i, m := range ms {
		if i == 6 {
			parts = append(parts, fmt.Sprintf("and %d more", len(ms)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s:%d", m.Weight, m.Axis))
	}
	return strings.Join(parts, " ")
}

func share(s *permspec.Spec) string {
	percent := 0.0
	if s.Parameters > 0 {
		percent = 100 * float64(s.Permutable()) / float64(s.Parameters)
	}
	return fmt.Sprintf("%d of %d parameters (%.1f %%) can move", s.Permutable(), s.Parameters, percent)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func shape(dims []int64) string {
	if len(dims) == 0 {
		return "scalar"
	}
	var parts []string
	for _, d := range dims {
		parts = append(parts, fmt.Sprint(d))
	}
	return strings.Join(parts, "×")
}

// why prints, for each frozen axis, the reason and the nodes it came through.
func why(w io.Writer, m *onnxgraph.Model, s *permspec.Spec, name string) error {
	at := slices.IndexFunc(m.Weights(), func(w *onnxgraph.Weight) bool { return w.Name == name })
	if at < 0 {
		return noWeight(m, name)
	}
	told := map[string]bool{}
	once := func(axis int, reason string) bool {
		key := fmt.Sprint(axis, reason)
		seen := told[key]
		told[key] = true
		return !seen
	}
	for _, e := range s.Why(m.Weights()[at]) {
		if !once(e.Axis, e.Reason) {
			continue
		}
		fmt.Fprintf(w, "%s axis %d may not move: %s\n", name, e.Axis, e.Reason)
		for _, n := range e.Chain {
			fmt.Fprintf(w, "  through %s\n", nodeText(n))
		}
		if e.Origin != nil {
			fmt.Fprintf(w, "  at %s\n", nodeText(e.Origin))
		}
	}
	for _, f := range s.Frozen {
		if f.Weight == name && once(f.Axis, f.Reason) {
			fmt.Fprintf(w, "%s axis %d may not move: %s\n", name, f.Axis, f.Reason)
		}
	}
	if len(told) == 0 {
		fmt.Fprintf(w, "%s: nothing in it is frozen\n", name)
	}
	return nil
}

func noWeight(m *onnxgraph.Model, name string) error {
	var names []string
	for _, w := range m.Weights() {
		names = append(names, w.Name)
	}
	err := fmt.Errorf("%s has no weight %q", m.Path, name)
	if near := nearest(name, names); near != "" {
		return hinted{err, "did you mean " + near + "?"}
	}
	return hinted{err, "onnx-rebasin inspect " + m.Path + " lists the weights"}
}

func nodeText(n *onnxgraph.Node) string {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 && n.Outputs[0] != nil {
		name = n.Outputs[0].Name
	}
	return fmt.Sprintf("%s (%s)", name, n.Op)
}
