package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
)

// summary prints what a person reads after align and merge.
type summary struct {
	w io.Writer
	palette
}

// line prints a line behind a word that says what it is about.
func (s summary) line(word, format string, args ...any) {
	fmt.Fprintf(s.w, "%s %s\n", s.bold(fmt.Sprintf("%-9s", word)), fmt.Sprintf(format, args...))
}

// summarise prints what was matched and how far it moved, whether π(B) computes
// what B does, and how the merged model compares.
func summarise(w io.Writer, r *rebasin.Report, output string) {
	s := summary{w, paletteFor(w)}
	s.matched(r)
	for _, t := range r.Symmetry {
		s.line("turned", "%s by the symmetry %s: distance %.4f → %.4f%s", count(t.Groups, "group"), t.Kind, t.L2Before, t.L2After, change(t.L2Before, t.L2After))
	}
	if v := r.Verify; v != nil {
		s.line("verified", "%s: %s", s.green("π(B) computes what B does"), rebasin.Describe(v))
	}
	s.averaged(r)
	if z := r.Zip; z != nil {
		kept := "kept"
		if !z.Kept {
			kept = "not kept"
		}
		s.line("zipped", "%s, %d of %s within one model: loss on samples held back %.4f, permuted %.4f; %s", count(z.Groups, "group"), z.Within, count(z.Units, "unit"), z.Zipped, z.Permuted, kept)
	}
	s.repaired(r.Repair)
	if e := r.Eval; e != nil {
		s.line("compared", "%s", compared(e))
		s.table(e)
	} else if r.Command == "merge" {
		s.line("compared", "with nothing: --data test.npz tells how it does beside the models, their ensemble and the naive average")
	}
	printGates(w, r.Gates)
	switch output {
	case "":
		s.line("wrote", "nothing")
	case dash:
		s.line("wrote", "standard output")
	default:
		s.line("wrote", "%s%s", output, fileSize(output))
	}
}

func (s summary) matched(r *rebasin.Report) {
	what := fmt.Sprintf("%s in %s, %.1f %% of the parameters", count(r.Spec.FreeSlots, "unit"), count(r.Spec.Groups, "group"),
		100*float64(r.Spec.Permutable)/float64(max(r.Spec.Parameters, 1)))
	switch m := r.Match; {
	case r.Many != nil:
		s.matchedMany(r.Many, what)
	case r.Spec.Groups == 0:
		s.line("matched", "nothing: no unit of these models can be permuted")
	case m != nil:
		s.line("matched", "%s: distance %.4f → %.4f%s, %.0f %% of the units moved; best of %s, %.2f s",
			what, m.L2Before, m.L2After, change(m.L2Before, m.L2After), 100*m.Moved, count(m.Starts, "start"), m.Seconds)
		if l := m.Learnt; l != nil && l.Epochs == 0 {
			s.line("learnt", "nothing: the search was stopped before an epoch had passed")
		} else if l != nil {
			s.line("learnt", "from %s in %s: loss of the average on samples held back %.4f → %.4f", l.From, count(l.Epochs, "epoch"), l.LossBefore, l.LossAfter)
		}
	default:
		s.line("matched", "nothing: the models are averaged as they stand")
	}
}

// averaged tells λ where it was chosen for groups of units.
func (s summary) averaged(r *rebasin.Report) {
	var parts []string
	for _, l := range r.Lambdas {
		parts = append(parts, fmt.Sprintf("%.2g for %s", l.Lambda, strings.Join(l.Groups, " ")))
	}
	if parts != nil {
		s.line("averaged", "with λ = %.2g, and %s", *r.Lambda, strings.Join(parts, ", "))
	} else if r.Chosen {
		s.line("averaged", "with λ = %.2g", *r.Lambda)
	}
}

func (s summary) matchedMany(r *rebasin.ManyReport, what string) {
	for k, m := range r.Models {
		s.line("model", "%s %s, weight %.4g%s", letter(k), m.Path, m.Weight, moved(k, m))
	}
	if len(r.Solutions) == 0 {
		s.line("matched", "nothing: the models are averaged as they stand")
		return
	}
	text := fmt.Sprintf("distance between models %.4f as they came", r.Before.L2)
	for _, x := range r.Solutions {
		text += fmt.Sprintf(", %.4f%s by %s (objective %.4f, %s, %.2f s)", x.L2, change(r.Before.L2, x.L2), x.Method, x.Objective, count(x.Rounds, "round"), x.Seconds)
	}
	s.line("matched", "%s: %s", what, text)
}

func moved(k int, m *rebasin.ManyModel) string {
	if k == 0 {
		return ""
	}
	s := fmt.Sprintf(", %.0f %% of the units moved", 100*m.Moved)
	if m.Verify != nil {
		s += "; permuted, it computes the same: " + rebasin.Describe(m.Verify)
	}
	return s
}

// change is by how much a number has changed, as " (-30 %)"; "" from nothing.
func change(from, to float64) string {
	if from == 0 {
		return ""
	}
	return fmt.Sprintf(" (%+.0f %%)", 100*(to-from)/from)
}

// repaired prints what a repair did.
func (s summary) repaired(r *repair.Report) {
	if r == nil {
		return
	}
	text := fmt.Sprintf("by %s: %s changed, by %s", r.Kind, count(r.Tensors, "tensor"), count(r.Samples, "sample"))
	if r.Biases > 0 {
		text = fmt.Sprintf("by %s: %s changed, %d of them biases that were left out, by %s", r.Kind, count(r.Tensors, "tensor"), r.Biases, count(r.Samples, "sample"))
	}
	for k, t := range r.Tried {
		sep := ","
		if k == 0 {
			sep = "; " + r.Judge + ":"
		}
		text += fmt.Sprintf("%s %s %.4f", sep, t.Kind, t.Loss)
		if !math.IsNaN(t.Accuracy) {
			text += fmt.Sprintf(" (%.2f %%)", 100*t.Accuracy)
		}
	}
	if r.Temperature != 0 {
		text += fmt.Sprintf("; scores divided by %.3g", r.Temperature)
	}
	s.line("repaired", "%s", text)
}

// compared holds the merged model to the others in one sentence: by accuracy, or
// by loss where there is none, or by its answers where there are no labels.
func compared(e *rebasin.EvalReport) string {
	m := e.Merged
	if m == nil {
		var parts []string
		what := "answers as the ensemble does: "
		for _, l := range e.Likeness {
			if l.To != "ensemble" {
				continue
			}
			part := fmt.Sprintf("%s on %s of the samples", l.Model, percent(l.Agreement))
			if l.Plain() {
				what, part = "mean squared difference from the ensemble: ", fmt.Sprintf("%s %.4f", l.Model, l.MSE)
			}
			parts = append(parts, part)
		}
		return what + strings.Join(parts, ", ")
	}
	text, unit := "merged "+percent(m.Accuracy), "points "
	difference := func(o *eval.Metrics) (float64, string) { return 100 * (m.Accuracy - o.Accuracy), "%.2f" }
	if math.IsNaN(m.Accuracy) {
		text, unit = fmt.Sprintf("merged loss %.4f", m.Loss), ""
		difference = func(o *eval.Metrics) (float64, string) { return m.Loss - o.Loss, "%.4f" }
	}
	sep := ": "
	eachOf(e, func(name string, o *eval.Metrics) {
		if o == m {
			return
		}
		by, format := difference(o)
		number := fmt.Sprintf(format, math.Abs(by))
		switch {
		case number == fmt.Sprintf(format, 0.0):
			text += sep + "equal to " + name
		case by > 0:
			text += sep + number + " " + unit + "above " + name
			unit = ""
		default:
			text += sep + number + " " + unit + "below " + name
			unit = ""
		}
		sep = ", "
	})
	return text
}

// eachOf visits the models of a comparison in the order they are shown in.
func eachOf(e *rebasin.EvalReport, visit func(name string, m *eval.Metrics)) {
	see := func(name string, m *eval.Metrics) {
		if m != nil {
			visit(name, m)
		}
	}
	see("A", e.A)
	see("B", e.B)
	for k, m := range e.Models {
		see(letter(k), m)
	}
	see("the ensemble", e.Ensemble)
	see("the naive average", e.Naive)
	see("merged", e.Merged)
}

// gate prints whether a gate let the merge pass.
func (s summary) gate(g rebasin.GateReport) {
	verdict := s.green("holds")
	if !g.OK {
		verdict = s.red("fails")
	}
	s.line("gate", "%s %s: %s", g.Gate, verdict, gateValue(g))
}

// alikeness prints, for models that are judged without labels, how alike their answers are.
func alikeness(t io.Writer, e *rebasin.EvalReport) {
	if len(e.Likeness) > 0 && e.Likeness[0].Plain() {
		fmt.Fprintf(t, "over %s without labels\tbeside\tmean squared difference\t\n", count(e.Samples, "sample"))
		for _, l := range e.Likeness {
			fmt.Fprintf(t, "%s\t%s\t%.4f\t\n", l.Model, l.To, l.MSE)
		}
		return
	}
	fmt.Fprintf(t, "over %s without labels\tagrees with\t\tKL, nats\t\n", count(e.Samples, "sample"))
	for _, l := range e.Likeness {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.4f\t\n", l.Model, l.To, percent(l.Agreement), l.KL)
	}
}

// table prints the metrics of the models, one a line, the merged one last.
func (s summary) table(e *rebasin.EvalReport) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	if e.Merged == nil {
		alikeness(t, e)
	} else {
		fmt.Fprintf(t, "over %s\tloss\taccuracy\t\n", count(e.Samples, "sample"))
		eachOf(e, func(name string, m *eval.Metrics) {
			fmt.Fprintf(t, "%s\t%.4f%s\t%s%s\t\n", strings.TrimPrefix(name, "the "), m.Loss, plusMinus(m.LossInterval, 1, "%.4f"),
				percent(m.Accuracy), plusMinus(m.AccuracyInterval, 100, "%.2f"))
		})
	}
	t.Flush()
	fmt.Fprintln(s.w)
	for line := range strings.Lines(b.String()) {
		text := strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimLeft(text, " "), "merged ") {
			text = s.bold(text)
		}
		fmt.Fprintln(s.w, text)
	}
	fmt.Fprintln(s.w)
}

// plusMinus is half the width of a 95 % interval, "" where there is none.
func plusMinus(i eval.Interval, scale float64, format string) string {
	half := scale * (i[1] - i[0]) / 2
	if i == (eval.Interval{}) || math.IsInf(half, 0) || math.IsNaN(half) {
		return ""
	}
	return " ±" + fmt.Sprintf(format, half)
}

// fileSize is the size of a file as ", 926 kB".
func fileSize(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return ", " + byteCount(info.Size())
}

// byteCount is a number of bytes in the unit that suits it.
func byteCount(n int64) string {
	v, units := float64(n), []string{"bytes", "kB", "MB", "GB", "TB"}
	for len(units) > 1 && v >= 1000 {
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.3g %s", v, units[0])
}
