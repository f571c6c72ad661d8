package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// The documentation lists the numbers that gates can be put on, all and no more.
func TestQuantitiesDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, q := range quantities {
		rows = append(rows, fmt.Sprintf("| `%s` | `%s` | %s |", q.name, strings.Join(strings.Fields(q.commands), "`, `"), q.about))
	}
	if want := strings.Join(rows, "\n") + "\n\n"; !strings.Contains(string(text), want) {
		t.Errorf("docs/pipelines.md should have the rows\n%s", want)
	}
}

// What was not measured is not known, which fails every gate.
func TestUnknownQuantities(t *testing.T) {
	for _, q := range quantities {
		r := rebasin.Report{Spec: &permspec.Document{}, Eval: &rebasin.EvalReport{}}
		v := q.value(&r)
		if q.name == "moved" || q.name == "permutable" {
			continue
		}
		if !math.IsNaN(v) {
			t.Errorf("%s is %v where nothing was measured", q.name, v)
		}
		for _, operator := range []string{"<", "<=", ">", ">=", "==", "!="} {
			if (gate{operator: operator}).holds(v) {
				t.Errorf("%s %s 0 holds although it is not known", q.name, operator)
			}
		}
	}
}
