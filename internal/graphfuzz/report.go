package graphfuzz

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Report counts what many models showed.
type Report struct {
	Broken int // models that break a law

	table   *Table
	models  int
	running int // that the executor runs, with outputs that are numbers
	moving  int // of those, the ones with a symmetry
	wide    int
	vague   int
	groups  int
	nodes   int
	notRun  map[string]int // reasons
	parts   map[string]int // models that have a part
	ops     map[string]int // models that have an operator
	moved   map[string]int // models in which a member permuted what the operator gives
	planted map[string]int
	outside map[string]int
}

// NewReport is an empty Report.
func NewReport(t *Table) *Report {
	return &Report{
		table: t, notRun: map[string]int{}, parts: map[string]int{}, ops: map[string]int{}, moved: map[string]int{},
		planted: map[string]int{}, outside: map[string]int{},
	}
}

// Add counts a model.
func (r *Report) Add(m *Model, f *Finding) {
	r.models++
	r.nodes += len(m.Proto.Graph.Node)
	r.groups += f.Groups
	if len(f.Broken) > 0 {
		r.Broken++
	}
	switch {
	case f.NotRun != "":
		r.notRun[f.NotRun]++
	case f.Vague:
		r.vague++
	default:
		r.running++
		if f.Groups > 0 {
			r.moving++
		}
	}
	if f.Wide {
		r.wide++
	}
	r.planted[f.Planted]++
	r.outside[f.Outside]++
	seen := map[string]bool{}
	for _, p := range m.Parts {
		seen[p] = true
	}
	for p := range seen {
		r.parts[p]++
	}
	for op := range m.watched {
		r.ops[op]++
	}
	for op := range f.Moved {
		r.moved[op]++
	}
}

// Tried counts the models of which members were tried, and Noticed those of
// which an exchange outside the group changed the outputs.
func (r *Report) Tried() int { return r.moving }

// Noticed is described at Tried.
func (r *Report) Noticed() int { return r.outside["changed"] }

// Print writes the report.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%d models, %.1f nodes and %.1f groups on average; %d break a law\n",
		r.models, float64(r.nodes)/float64(max(r.models, 1)), float64(r.groups)/float64(max(r.models, 1)), r.Broken)
	fmt.Fprintf(w, "%d ran, %d of them with a symmetry; %d checked in float64; %d gave no numbers\n", r.running, r.moving, r.wide, r.vague)
	fmt.Fprintf(w, "planted: %d exact, %d alike, %d missed\n", r.planted["exact"], r.planted["alike"], r.planted["missed"])
	fmt.Fprintf(w, "exchanges outside the group: %d changed the outputs, %d did not\n", r.outside["changed"], r.outside["same"])
	fmt.Fprintf(w, "operators: %d of the table are in models, the outputs of %d were permuted by a member\n", len(r.ops), len(r.moved))
	var still []string
	for op := range r.ops {
		if r.moved[op] == 0 {
			still = append(still, op)
		}
	}
	slices.Sort(still)
	fmt.Fprintf(w, "never permuted: %s\n", strings.Join(still, " "))
	for _, op := range slices.Sorted(maps.Keys(r.table.Left)) {
		fmt.Fprintf(w, "in no model: %s: %s\n", op, r.table.Left[op])
	}
	fmt.Fprintln(w, "models with")
	for _, p := range slices.SortedFunc(maps.Keys(r.parts), func(a, b string) int { return cmp.Compare(r.parts[b], r.parts[a]) }) {
		fmt.Fprintf(w, "%8d  %s\n", r.parts[p], p)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.notRun)) {
		fmt.Fprintf(w, "did not run %d times: %s\n", r.notRun[reason], reason)
	}
}
