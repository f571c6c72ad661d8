package onnxgraph_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// resident returns how much of mapped files is in the process's memory.
func resident(t *testing.T) int {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "RssFile:"); ok {
			kb := 0
			fmt.Sscan(rest, &kb)
			return kb << 10
		}
	}
	t.Skip("the system does not tell")
	return 0
}

// Reading and saving a model larger than a weight takes the memory of a weight:
// what is done with leaves it.
func TestResident(t *testing.T) {
	const count, elements = 16, 1 << 20
	path := filepath.Join(t.TempDir(), "m.onnx")
	var tensors []*onnxpb.TensorProto
	for i := range count {
		tensors = append(tensors, away(fmt.Sprint("w", i), elements, "location", "w", "offset", fmt.Sprint(i*4*elements)))
	}
	if err := os.WriteFile(path, marshal(t, chain(tensors...)), 0o666); err != nil {
		t.Fatal(err)
	}
	data, err := os.Create(filepath.Join(filepath.Dir(path), "w"))
	if err == nil {
		err = data.Truncate(count * 4 * elements)
	}
	if err != nil {
		t.Fatal(err)
	}
	data.Close()
	m := load(t, path)
	before, peak := resident(t), 0
	for _, w := range m.Weights() {
		v, done, err := m.Float32View(w)
		if err != nil {
			t.Fatal(err)
		}
		sum := float32(0)
		for _, x := range v {
			sum += x
		}
		if peak = max(peak, resident(t)-before); sum != 0 {
			t.Error("a hole holds numbers")
		}
		done()
		if _, err := m.Tensor(w); err != nil {
			t.Fatal(err)
		}
	}
	changed := put(t, m, "w3", make([]byte, 4*elements))
	if err := changed.Save(filepath.Join(t.TempDir(), "n.onnx"), onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	after := resident(t) - before
	if weight := 4 * elements; peak < weight || peak > 3*weight || after > 2*weight {
		t.Errorf("weights of %d bytes: %d bytes of files in memory while they were read, %d after saving", weight, peak, after)
	}
}
