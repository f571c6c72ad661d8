package rebasin_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportLine holds the packages to one line: each may import those before
// it, never those after.
func TestImportLine(t *testing.T) {
	const module = "github.com/onnx-rebasin/onnx-rebasin"
	line := []string{"/onnxgraph", "/permspec", "/solver", "/eval", "", "/internal/chart", "/internal/report", "/zoo", "/cmd/onnx-rebasin"}
	for i, pkg := range line {
		out, err := exec.Command("go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", module+pkg, err)
		}
		deps := strings.Fields(string(out))
		for _, later := range line[i+1:] {
			if slices.Contains(deps, module+later) {
				t.Errorf("%s imports %s", module+pkg, module+later)
			}
		}
	}
}
