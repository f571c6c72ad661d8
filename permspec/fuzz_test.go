package permspec

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A layout that can be read prints as text that means the same.
func FuzzParseLayout(f *testing.F) {
	for _, text := range notation {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLayout(text)
		if err != nil {
			return
		}
		again, err := ParseLayout(l.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, l, err)
		}
		if again.String() != l.String() {
			t.Fatalf("%q prints as %q, then as %q", text, l, again)
		}
	})
}

// So does a signature.
func FuzzParseSignature(f *testing.F) {
	for _, text := range []string{"i k, j k, j -> i j", "n (g c) #s, (g o) c #r, (g o) -> n (g o) #p", "b t u -> b t u, b t",
		"x, ~ -> x", "-> #n", "a, , b -> ", "#d b, u#3 (h[u=0]+h[u=1]) -> {u:p|q}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSignature(text)
		if err != nil {
			return
		}
		again, err := ParseSignature(s.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, s, err)
		}
		if again.String() != s.String() {
			t.Fatalf("%q prints as %q, then as %q", text, s, again)
		}
	})
}

// smallModels returns the fixtures below a size in bytes.
func smallModels(f *testing.F, size int) [][]byte {
	paths, err := filepath.Glob("../fixtures/exports/*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no models among the fixtures: %v", err)
	}
	var out [][]byte
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) <= size {
			out = append(out, data)
		}
	}
	return out
}

// Whatever can be read as a model has a Spec, and a random member of it can be
// applied: it moves elements within their weights and loses none.
func FuzzInfer(f *testing.F) {
	for _, data := range smallModels(f, 24<<10) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnxgraph.Parse(data, "")
		if err != nil {
			return
		}
		defer m.Close()
		s, err := Infer(m, Options{})
		if err != nil {
			return
		}
		p := s.Random(rand.New(rand.NewPCG(1, 2)))
		moved, err := s.Apply(m, p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.Apply(moved, s.Invert(p))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range s.Weights {
			before, err := m.Bytes(w.Weight)
			if err != nil {
				return
			}
			after, err := back.Bytes(w.Weight)
			if err != nil || string(after) != string(before) {
				t.Fatalf("weight %q does not come back: %v", w.Weight.Name, err)
			}
		}
	})
}

// No document makes FromDocument or Restrict panic, and what is accepted can be
// applied.
func FuzzDocument(f *testing.F) {
	data := smallModels(f, 16<<10)
	if len(data) == 0 {
		f.Fatal("no small fixtures")
	}
	var specs []*Spec
	var models []*onnxgraph.Model
	for i, d := range data {
		m, err := onnxgraph.Parse(d, "")
		if err != nil {
			f.Fatal(err)
		}
		s, err := Infer(m, Options{})
		if err != nil {
			f.Fatal(err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), text)
		specs, models = append(specs, s), append(models, m)
	}
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		var d Document
		if json.Unmarshal(text, &d) != nil {
			return
		}
		s, m := specs[int(which)%len(specs)], models[int(which)%len(models)]
		e, err := s.Restrict(d, m)
		if err != nil {
			return
		}
		moved, err := e.Apply(m, e.Random(rand.New(rand.NewPCG(3, 4))))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range e.Weights {
			if _, err := moved.Bytes(w.Weight); err != nil {
				t.Fatal(err)
			}
		}
	})
}
