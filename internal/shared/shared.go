// Package shared finds the test material that stands beside the repository:
// published models, trained pairs, ONNX's own operator tests.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Env names the environment variable that says where the material is.
const Env = "ONNX_REBASIN_SHARED"

// Dir returns the folder of the shared test material: the value of Env, or the
// folder "shared" beside the folder of the module's go.mod. When there is none
// the test is skipped.
func Dir(t testing.TB) string {
	t.Helper()
	dir, ok := Find(t)
	if !ok {
		t.Skipf("shared test material not found: no folder %s; set %s to use another", dir, Env)
	}
	return dir
}

// Find is Dir for tests that have something to do without the material too: it
// reports whether the folder is there. A link to it is followed, so that the
// folder can be walked.
func Find(t testing.TB) (string, bool) {
	t.Helper()
	dir := os.Getenv(Env)
	if dir == "" {
		dir = beside(t)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return dir, false
	}
	st, err := os.Stat(real)
	return real, err == nil && st.IsDir()
}

// beside walks up from the test's folder to the go.mod.
func beside(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}
