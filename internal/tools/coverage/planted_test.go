package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// In every export, weights that hold 95 % of the parameters have a free axis,
// or notes.txt says what keeps them.
func TestGoal(t *testing.T) {
	paths, err := filepath.Glob(filepath.FromSlash("../../../fixtures/exports/*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no exports", err)
	}
	for _, path := range paths {
		m, err := onnxgraph.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := permspec.Infer(m, permspec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		name := "exports/" + strings.TrimSuffix(filepath.Base(path), ".onnx")
		if share := float64(s.Permutable()) / float64(s.Parameters); share < 0.95 && note(name) == "" {
			t.Errorf("%s: %.1f %% of the parameters can move: %s", name, 100*share, hiddenAxes(m, s).reasons())
		}
		m.Close()
	}
}

// A model permuted at random and aligned with itself comes back: bit for bit, or
// with units in each other's places that the weights do not tell apart.
func TestPlantedIsFound(t *testing.T) {
	patterns := []string{"../../../fixtures/exports/*.onnx"}
	if dir, ok := shared.Find(t); ok && !testing.Short() {
		patterns = append(patterns, dir+"/models/*/a.onnx", dir+"/zoo/*.onnx", dir+"/zoopairs/*/?.onnx")
	}
	exact, alike := 0, 0
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if st, err := os.Stat(path); err != nil || st.Size() > 500e3 {
				continue // docs/coverage.md has them all
			}
			m, err := onnxgraph.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := permspec.Infer(m, permspec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			switch got := planted(m, s); {
			case got == "exact":
				exact++
			case strings.HasPrefix(got, "alike: "):
				t.Logf("%s: %s", path, got)
				alike++
			case len(s.Groups) > 0:
				t.Errorf("%s: %s", path, got)
			}
			m.Close()
		}
	}
	t.Logf("%d come back bit for bit, %d but for units that are alike", exact, alike)
	if exact == 0 || alike > exact/20 {
		t.Errorf("%d come back bit for bit, %d but for units that are alike", exact, alike)
	}
}
