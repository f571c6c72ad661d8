package permspec

import (
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// TestRestrict holds edited specs to the inferred group: less freedom is taken,
// more is refused.
func TestRestrict(t *testing.T) {
	m, err := onnxgraph.Load("../fixtures/mlp/a.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := Infer(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(d *Document)) error {
		d := s.Document()
		change(&d)
		_, err := s.Restrict(d, m)
		return err
	}
	rename := func(d *Document, from, to string) {
		for i := range d.LayoutTexts {
			words := strings.Fields(d.LayoutTexts[i].Layout)
			for k, w := range words {
				if w == from {
					words[k] = to
				}
			}
			d.LayoutTexts[i].Layout = strings.Join(words, " ")
		}
	}
	if err := edit(func(*Document) {}); err != nil {
		t.Errorf("the same spec: %v", err)
	}
	if err := edit(func(d *Document) { rename(d, "b", "a") }); err != nil {
		t.Errorf("two groups tied: %v", err)
	}
	if err := edit(func(d *Document) { rename(d, "a", "#192") }); err != nil {
		t.Errorf("a group frozen: %v", err)
	}
	if err := edit(func(d *Document) {
		rename(d, "a", "p+q")
		d.GroupList = append(d.GroupList, GroupDocument{Name: "p", Size: 92}, GroupDocument{Name: "q", Size: 100})
	}); err != nil {
		t.Errorf("a group split: %v", err)
	}
	d := s.Document()
	rename(&d, "a", "#192")
	if e, err := s.Restrict(d, m); err != nil || len(e.Groups) != 2 || len(e.Frozen) != len(s.Frozen)+3 || e.FreeSlots() != 384 {
		t.Errorf("a group frozen: %+v, %v", e, err)
	}
	if err := edit(func(d *Document) { d.LayoutTexts[0].Layout = "#192 #784" }); err == nil {
		t.Error("a group permuted in some of its weights only is not refused")
	}
	if err := edit(func(d *Document) {
		rename(d, "#10", "#10")
		rename(d, "#784", "z")
		d.GroupList = append(d.GroupList, GroupDocument{Name: "z", Size: 784})
	}); err == nil {
		t.Error("the model's inputs permuted is not refused")
	}
}
