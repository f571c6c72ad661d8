package report

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// card is a model card in Markdown: what the model is, how it was made, how it
// does, what it is not, and how to make it again.
func card(r *rebasin.Report) string {
	var b strings.Builder
	name := title(r)
	if r.Output != nil {
		name = filepath.Base(r.Output.Path)
	}
	fmt.Fprintf(&b, "# %s\n\n", text(name))
	for _, s := range lead(r) {
		fmt.Fprintf(&b, "%s\n", text(s))
	}
	if r.Kinship != nil {
		fmt.Fprintf(&b, "%s.\n", text(r.Kinship.String()))
	}
	b.WriteString("\n## Made from\n\n| file | SHA-256 |\n|---|---|\n")
	for _, f := range r.Inputs {
		fmt.Fprintf(&b, "| %s | `%s` |\n", code(f.Path), f.SHA256)
	}
	made(&b, r)
	does(&b, r)
	if len(r.Layers) > 0 {
		b.WriteString("\n## Distance by layer\n\nRelative: 0 for equal weights, 1.41 for unrelated, 2 for opposite ones.\n\n| weight | shape | as they stand | aligned | share of what is left |\n|---|---|---:|---:|---:|\n")
		for _, l := range r.Layers {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(l.Weight), shape(l.Shape), number(l.RelativeBefore), number(l.RelativeAfter), percent(l.Share))
		}
	}
	if list := frozen(r); len(list) > 0 {
		b.WriteString("\n## What may not move\n\n")
		for _, f := range list {
			fmt.Fprintf(&b, "- %s, because %s\n", text(andMore(f.Axes, 6)), text(f.Reason))
		}
	}
	if len(r.Hints) > 0 {
		b.WriteString("\n## To be known\n\n")
		for _, h := range r.Hints {
			fmt.Fprintf(&b, "- %s\n", text(h))
		}
	}
	fmt.Fprintf(&b, "\n## To make it again\n\n    %s\n\nwith onnx-rebasin %s, seed %d.\n", strings.ReplaceAll(command(r), "\n", " "), text(r.Version), r.Seed)
	return b.String()
}

// made lists how the model was made.
func made(b *strings.Builder, r *rebasin.Report) {
	b.WriteString("\n## How\n\n| | |\n|---|---|\n")
	row := func(name, value string) { fmt.Fprintf(b, "| %s | %s |\n", name, text(value)) }
	if r.Method != "" {
		row("matching", r.Method)
	}
	if r.Lambda != nil {
		row("λ, the part of B", number(*r.Lambda))
	}
	for _, l := range r.Lambdas {
		row("λ of "+strings.Join(l.Groups, ", "), number(l.Lambda))
	}
	if m := r.Many; m != nil {
		row("alignment of many", m.Method)
		for _, k := range m.Models {
			fmt.Fprintf(b, "| weight of %s | %s |\n", code(k.Path), number(k.Weight))
		}
	}
	if s := r.Spec; s != nil {
		row("symmetry", fmt.Sprintf("%s, %s, %s of the parameters can move", count(s.Groups, "group"), count(s.FreeSlots, "free slot"), percent(float64(s.Permutable)/float64(max(s.Parameters, 1)))))
	}
	if v := r.Verify; v != nil {
		row("check", rebasin.Describe(v))
	}
	if p := r.Repair; p != nil {
		row("repair", fmt.Sprintf("%s: %s changed, by %s of calibration data", p.Kind, count(p.Tensors, "tensor"), count(p.Samples, "sample")))
		if p.Temperature != 0 {
			row("temperature", "scores are divided by "+number(p.Temperature))
		}
	}
	if r.Backend != "" {
		row("models run by", r.Backend)
	}
}

// does lists how the models do.
func does(b *strings.Builder, r *rebasin.Report) {
	rows := models(r)
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n## How it does\n\nOver %s, with 95 %% intervals:\n\n| model | loss | accuracy |\n|---|---:|---:|\n", count(r.Eval.Samples, "sample"))
		for _, m := range rows {
			fmt.Fprintf(b, "| %s | %s (%s to %s) | %s", m.Name, number(m.Loss), number(m.LossInterval[0]), number(m.LossInterval[1]), percent(m.Accuracy))
			if !math.IsNaN(m.Accuracy) {
				fmt.Fprintf(b, " (%s to %s)", percent(m.AccuracyInterval[0]), percent(m.AccuracyInterval[1]))
			}
			b.WriteString(" |\n")
		}
	}
	for _, t := range seriesTables(r.Series) {
		overTime(b, t)
	}
	if x := r.Barrier; x != nil && x.Naive != nil {
		fmt.Fprintf(b, "\nThe loss barrier from A to B is %s", number(x.Naive.Loss))
		if x.Aligned != nil {
			fmt.Fprintf(b, ", aligned %s", number(x.Aligned.Loss))
		}
		if x.Repaired != nil {
			fmt.Fprintf(b, ", aligned and repaired %s", number(x.Repaired.Loss))
		}
		b.WriteString(".\n")
	}
}

// overTime lists barriers over training time.
func overTime(b *strings.Builder, t seriesTable) {
	fmt.Fprintf(b, "\n## Barriers on %s\n\n| time | A | B |", t.Name)
	for _, p := range t.Paths {
		fmt.Fprintf(b, " %s, loss | %s, accuracy in points |", p, p)
	}
	fmt.Fprintf(b, "\n|---:|---|---|%s\n", strings.Repeat("---:|---:|", len(t.Paths)))
	for _, row := range t.Rows {
		fmt.Fprintf(b, "| %s | %s | %s |", plain(row.Time), code(row.A), code(row.B))
		for _, e := range row.Barriers {
			fmt.Fprintf(b, " %s | %s |", number(e.Loss), points(e.Accuracy))
		}
		b.WriteString("\n")
	}
}

// text escapes what Markdown would take for markup.
func text(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "\n", " ").Replace(s)
}

// code writes a name as code, also in a cell of a table.
func code(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	pad := ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		pad = " "
	}
	return fence + pad + strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) + pad + fence
}
