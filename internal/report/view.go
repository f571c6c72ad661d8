package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"path/filepath"
	"slices"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

var (
	//go:embed page.html
	pageText string
	//go:embed style.css
	styleText string
	//go:embed sort.js
	sortText string
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"num": number, "percent": percent, "shape": shape, "base": filepath.Base, "join": strings.Join, "bar": newBar, "count": count, "letter": letter,
	"plain": plain, "points": points,
}).Parse(pageText + `{{define "style"}}` + styleText + `{{end}}{{define "sort"}}` + sortText + `{{end}}`))

// view is what the page shows, in the order it shows it.
type view struct {
	*rebasin.Report
	Title   string
	Lead    []string // sentences
	Facts   []fact
	Models  []modelRow
	Line    *plots // along λ
	Times   *plots // over training time
	Tables  []seriesTable
	Longest float64 // relative distance, for bars
	Carried string
	Groups  []groupRow
	Heat    *heat
	Frozen  []frozenRow
	Between []distances
	Command string
}

// fact is a number to see first.
type fact struct{ Name, Value, Note string }

// modelRow is the metrics of one model.
type modelRow struct {
	Name string
	*eval.Metrics
}

// groupRow is a group with the places where it stands.
type groupRow struct {
	rebasin.GroupMove
	Places []string
}

// frozenRow is a cause with the axes that it froze.
type frozenRow struct {
	Reason string
	Axes   []string
}

func newView(r *rebasin.Report) *view {
	v := &view{Report: r, Title: title(r), Lead: lead(r), Facts: facts(r), Models: models(r), Command: command(r)}
	v.Line, v.Times, v.Tables = curves(r), seriesPlots(r.Series), seriesTables(r.Series)
	for _, l := range r.Layers {
		v.Longest = max(v.Longest, l.RelativeBefore, l.RelativeAfter)
	}
	if top := rebasin.Carriers(r.Layers, 0.8); len(top) > 0 {
		var names []string
		for _, l := range top {
			names = append(names, fmt.Sprintf("%s (%s)", l.Weight, percent(l.Share)))
		}
		v.Carried = andMore(names, 5)
	}
	v.Groups = groups(r)
	if r.Correlation != nil {
		v.Heat = newHeat(r.Correlation)
	}
	v.Frozen = frozen(r)
	v.Between = between(r.Many)
	return v
}

// title names the models: by their files, with the folders where files bear the same name.
func title(r *rebasin.Report) string {
	if len(r.Series) > 0 {
		return trainings(r.Series)
	}
	var paths []string
	for _, p := range r.Inputs {
		paths = append(paths, p.Path)
	}
	sign := " + "
	if r.Command == "barrier" {
		sign = " to "
	}
	text := strings.Join(shortest(paths), sign)
	if r.Output != nil {
		text += " → " + filepath.Base(r.Output.Path)
	}
	return text
}

// shortest cuts paths down to their last elements, as many as it takes to tell them apart.
func shortest(paths []string) []string {
	for depth := 1; ; depth++ {
		out, seen, whole := make([]string, len(paths)), map[string]bool{}, true
		for k, p := range paths {
			parts := strings.Split(filepath.ToSlash(p), "/")
			out[k] = strings.Join(parts[max(0, len(parts)-depth):], "/")
			seen[out[k]] = true
			whole = whole && depth >= len(parts)
		}
		if len(seen) == len(paths) || whole {
			return out
		}
	}
}

// lead says in a few sentences what was done, whether it held, and how it compares.
func lead(r *rebasin.Report) []string {
	var out []string
	if m := r.Match; m != nil {
		out = append(out, fmt.Sprintf("B's hidden units were matched to A's by %s: %s of %d free slots changed place, and the distance of the weights went from %s to %s.",
			matchedBy(r.Method), percent(m.Moved), r.Spec.FreeSlots, number(m.L2Before), number(m.L2After)))
		if l := m.Learnt; l != nil {
			out = append(out, fmt.Sprintf("Learning took the loss of the average on samples held back from %s to %s.", number(l.LossBefore), number(l.LossAfter)))
		}
	} else if r.Many == nil && r.Spec != nil {
		out = append(out, "The units of B were left in the order they came in.")
	}
	if r.Many != nil {
		out = append(out, averaged(r.Many))
	}
	if n := len(r.Series); n > 0 {
		out = append(out, fmt.Sprintf("Two trainings were compared at %s, the models of one time with each other.", count(n, "time")))
		out = append(out, fallen(r.Series)...)
	}
	for _, t := range r.Symmetry {
		out = append(out, fmt.Sprintf("%s: the distance of the weights of %s went from %s to %s.", turnedBy(t.Kind), count(t.Groups, "group"), number(t.L2Before), number(t.L2After)))
	}
	if z := r.Zip; z != nil && z.Kept {
		out = append(out, fmt.Sprintf("Of %d averaged units in %s, %d stand for two units of one model.", z.Units, count(z.Groups, "group"), z.Within))
	} else if z != nil {
		out = append(out, "Merging units within one model was tried, and did not do better.")
	}
	if r.Verify != nil && r.Verify.OK {
		out = append(out, fmt.Sprintf("B with its units reordered computes what B does: %s.", rebasin.Describe(r.Verify)))
	}
	if e := r.Eval; e != nil && e.Merged != nil && e.Naive != nil {
		if math.IsNaN(e.Merged.Accuracy) {
			out = append(out, fmt.Sprintf("The merged model has a loss of %s over %d samples, the naive average %s.", number(e.Merged.Loss), e.Samples, number(e.Naive.Loss)))
		} else {
			out = append(out, fmt.Sprintf("The merged model is right on %s of %d samples, the naive average on %s.", percent(e.Merged.Accuracy), e.Samples, percent(e.Naive.Accuracy)))
		}
	}
	return out
}

func matchedBy(method string) string {
	switch method {
	case "activation":
		return "what they compute"
	case "ste":
		return "gradients of the merged model's loss"
	}
	return "their weights"
}

// averaged says how three models or more were brought together.
func averaged(m *rebasin.ManyReport) string {
	text := fmt.Sprintf("%d models were averaged", len(m.Models))
	if m.Before == nil || len(m.Solutions) == 0 {
		return text + " as they came."
	}
	text += fmt.Sprintf(", aligned by the method %s: the distance between them went from %s to %s.", m.Method, number(m.Before.L2), number(m.Solutions[len(m.Solutions)-1].L2))
	checked := 0
	for _, k := range m.Models {
		if k.Verify != nil && k.Verify.OK {
			checked++
		}
	}
	if checked > 0 {
		text += fmt.Sprintf(" Each of the %d that were reordered computes what it did.", checked)
	}
	return text
}

// turnedBy says what a symmetry that is not a permutation was used for; see solver.Approach.
func turnedBy(kind string) string {
	if kind == "orthogonal" {
		return "B was brought nearer by rotations within its heads"
	}
	return "B's units were given the scales that A's have"
}

// facts are the cards at the top.
func facts(r *rebasin.Report) []fact {
	var out []fact
	if m := r.Match; m != nil {
		change := "the models are the same"
		if m.L2Before > 0 {
			change = fmt.Sprintf("%+.1f %% by reordering", 100*(m.L2After/m.L2Before-1))
		}
		out = append(out, fact{"Distance", number(m.L2Before) + " → " + number(m.L2After), change},
			fact{"Slots moved", percent(m.Moved), fmt.Sprintf("of %d in %s", r.Spec.FreeSlots, count(r.Spec.Groups, "group"))})
	}
	if m := r.Many; m != nil && m.Before != nil && len(m.Solutions) > 0 {
		after := m.Solutions[len(m.Solutions)-1]
		out = append(out, fact{"Distance", number(m.Before.L2) + " → " + number(after.L2), "between models, by " + m.Method})
	}
	if r.Lambda != nil {
		f := fact{"λ", number(*r.Lambda), "the part of B"}
		if n := len(r.Lambdas); n > 0 {
			f.Note = "the part of B; of other groups their own"
		}
		out = append(out, f)
	}
	if s := r.Spec; s != nil {
		out = append(out, fact{"Can move", percent(float64(s.Permutable) / float64(max(s.Parameters, 1))), fmt.Sprintf("of %d parameters", s.Parameters)})
	}
	if v := r.Verify; v != nil {
		held := "no"
		if v.OK {
			held = "yes"
		}
		out = append(out, fact{"π(B) ≡ B", held, fmt.Sprintf("largest difference %.2g", v.MaxAbs)})
	}
	if b := r.Barrier; b != nil && b.Naive != nil {
		out = append(out, lossBarrier("Loss barrier", b))
	}
	for k, p := range r.Series {
		if k == 0 || k == len(r.Series)-1 {
			out = append(out, lossBarrier("Loss barrier at time "+plain(p.Time), p.Barrier))
		}
	}
	if e := r.Eval; e != nil && e.Merged != nil {
		f := fact{"Merged", percent(e.Merged.Accuracy), "accuracy"}
		if math.IsNaN(e.Merged.Accuracy) {
			f = fact{"Merged", number(e.Merged.Loss), "loss"}
		} else if e.A != nil && e.B != nil {
			f.Note = fmt.Sprintf("A %s, B %s", percent(e.A.Accuracy), percent(e.B.Accuracy))
		}
		out = append(out, f)
	}
	return out
}

// lossBarrier is the barrier as the models stand and, where they were aligned, then.
func lossBarrier(name string, b *rebasin.BarrierReport) fact {
	if b.Aligned == nil {
		return fact{name, number(b.Naive.Loss), "naive"}
	}
	return fact{name, number(b.Naive.Loss) + " → " + number(b.Aligned.Loss), "naive, aligned"}
}

// models lists the metrics side by side.
func models(r *rebasin.Report) []modelRow {
	e := r.Eval
	if e == nil {
		return nil
	}
	rows := []modelRow{{"A", e.A}, {"B", e.B}}
	for k, m := range e.Models {
		rows = append(rows, modelRow{letter(k), m})
	}
	rows = append(rows, modelRow{"ensemble", e.Ensemble}, modelRow{"naive average", e.Naive}, modelRow{"merged", e.Merged})
	return slices.DeleteFunc(rows, func(m modelRow) bool { return m.Metrics == nil })
}

// groups joins how far groups moved with where they stand.
func groups(r *rebasin.Report) []groupRow {
	stands := map[string][]string{}
	if r.Spec != nil {
		for _, g := range r.Spec.GroupList {
			for _, m := range g.Members {
				stands[g.Name] = append(stands[g.Name], fmt.Sprintf("%s:%d", m.Weight, m.Axis))
			}
		}
	}
	var out []groupRow
	for _, m := range r.Moves {
		out = append(out, groupRow{m, stands[m.Name]})
	}
	return out
}

// frozen gathers the axes by what froze them, the most first.
func frozen(r *rebasin.Report) []frozenRow {
	if r.Spec == nil {
		return nil
	}
	var out []frozenRow
	at := map[string]int{}
	for _, f := range r.Spec.Frozen {
		i, ok := at[f.Reason]
		if !ok {
			i = len(out)
			at[f.Reason] = i
			out = append(out, frozenRow{Reason: f.Reason})
		}
		out[i].Axes = append(out[i].Axes, fmt.Sprintf("%s:%d", f.Weight, f.Axis))
	}
	slices.SortStableFunc(out, func(x, y frozenRow) int { return cmp.Compare(len(y.Axes), len(x.Axes)) })
	return out
}

// command is the command line to repeat the run, as a shell takes it.
func command(r *rebasin.Report) string {
	words := []string{"onnx-rebasin"}
	for _, a := range r.Arguments {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}
