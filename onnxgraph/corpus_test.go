package onnxgraph_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// corpus returns every model file of the shared material, by its path there.
func corpus(t testing.TB) (dir string, names []string) {
	t.Helper()
	dir = shared.Dir(t)
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(p, ".onnx") {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("%d models in %s: %v", len(names), dir, err)
	}
	return dir, names
}

// unreadable names the models whose external data is missing or must not be
// read.
var unreadable = map[string]bool{
	"missing_external_data.onnx": true, "test_arbitrary_external_file.onnx": true, "test_evil_weights.onnx": true,
}

// Load → save is byte-identical over every model at hand, and every weight can
// be read.
func TestCorpusUnchanged(t *testing.T) {
	dir, names := corpus(t)
	for _, name := range names {
		path := filepath.Join(dir, name)
		m, err := onnxgraph.Load(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := m.WriteTo(&got); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: load and save changed the file", name)
		}
		for _, w := range m.Weights() {
			if _, err := m.Tensor(w); err != nil && !unreadable[filepath.Base(name)] {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
