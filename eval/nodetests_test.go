package eval

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// ONNX's own operator tests, read as data sets and run on ONNX Runtime, give
// the outputs they come with. That holds the reader and the binding to another
// witness; what ONNX Runtime itself does not know is counted, not failed.
func TestNodeTestsOnONNXRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("700 models")
	}
	dirs, _ := filepath.Glob(filepath.Join(shared.Dir(t), "onnx-node-tests", "test_*"))
	good, unread, unknown := 0, 0, 0
	for _, dir := range dirs {
		m, err := onnxgraph.Load(filepath.Join(dir, "model.onnx"))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(dir), err)
			continue
		}
		set := open(t, dir, dataset.Options{Inputs: InputsOf(m)})
		for b, err := range set.Batches(1) {
			if err != nil {
				unread++ // sequences and optionals
				continue
			}
			out, err := runOnce(t, m, b)
			if err != nil {
				unknown++
				continue
			}
			bad := false
			for i, want := range b.Outputs {
				got := out[m.Graph.Outputs[i].Name]
				if got == nil || !close(got, want) {
					bad = true
				}
			}
			if !bad {
				good++
			} else if !random(m) {
				t.Logf("%s: differs", filepath.Base(dir))
			}
		}
		m.Close()
	}
	t.Logf("%d agree, %d not read, %d not known to ONNX Runtime, of %d", good, unread, unknown, len(dirs))
	if good < len(dirs)*9/10 {
		t.Errorf("only %d of %d agree", good, len(dirs))
	}
}

func runOnce(t *testing.T, m *onnxgraph.Model, b *dataset.Batch) (map[string]*onnxgraph.Tensor, error) {
	r, err := Open(m, OpenOptions{Backend: OnnxRuntime, Threads: 1})
	if err != nil {
		if strings.Contains(err.Error(), "was not found") {
			t.Skip(err)
		}
		return nil, err
	}
	defer r.Close()
	return r.Run(context.Background(), b.Inputs, nil)
}

// random reports whether a model draws numbers.
func random(m *onnxgraph.Model) bool {
	for _, n := range m.Graph.Nodes {
		if strings.HasPrefix(n.Op, "Random") || n.Op == "Bernoulli" || n.Op == "Multinomial" || n.Op == "Dropout" {
			return true
		}
	}
	return false
}

// close compares as ONNX's own runner does: relative 1e-3, absolute 1e-5.
func close(got, want *onnxgraph.Tensor) bool {
	if got.Type != want.Type || len(got.Shape) != len(want.Shape) {
		return false
	}
	if want.Type == onnxgraph.String {
		return reflect.DeepEqual(got.Data, want.Data)
	}
	a, errA := floats(got)
	b, errB := floats(want)
	if errA != nil || errB != nil || len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.IsNaN(a[i]) && math.IsNaN(b[i]) || a[i] == b[i] {
			continue
		}
		if !(math.Abs(a[i]-b[i]) <= 1e-5+1e-3*math.Abs(b[i])) {
			return false
		}
	}
	return true
}
