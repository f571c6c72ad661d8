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
