package zoo

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// What a killed run left in the cache is removed, what one writes now is not.
func TestCacheSwept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".entry.old", ".entry.new", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	os.Chtimes(filepath.Join(dir, ".entry.old"), old, old)
	os.Chtimes(filepath.Join(dir, "other"), old, old)
	newCache(Options{Cache: dir})
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left %q, %v", left, err)
	}
}

// No entry of the cache, even one whose sum is right, makes a survey panic: it is
// taken whole, and can be told, or not taken.
func FuzzEntry(f *testing.F) {
	for _, found := range []Finding{
		{Kinship: &rebasin.Kinship{Relation: rebasin.FineTuned, Before: 0.1, After: 0.1, Chance: 1.41}, L2Before: 3, L2After: 3},
		{Kinship: &rebasin.Kinship{Relation: rebasin.Shuffled, Exact: true, Before: 1.4, Chance: 1.41}, Moved: 0.99},
		{},
	} {
		body, err := json.Marshal(found)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	c := &cache{dir: f.TempDir(), version: "test"}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, b := &Model{Path: "a.onnx", SHA256: "a"}, &Model{Path: "b.onnx", SHA256: "b"}
		family := &Family{Models: []*Model{a, b}, Members: []string{a.Path, b.Path}}
		family.pair()
		p := family.Pairs[0]
		data, err := json.Marshal(entry{sumOf(body), body})
		if err != nil { // not JSON
			data = body
		}
		if err := os.WriteFile(c.path(p), data, 0o666); err != nil {
			t.Fatal(err)
		}
		if c.get(p, &p.Finding) != (p.Kinship != nil) {
			t.Fatal("a finding is taken that is none")
		}
		family.relate()
		family.Relatives()
		r := &Result{Models: family.Models, Families: []*Family{family}}
		if err := r.WriteMatrixCSV(io.Discard); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
