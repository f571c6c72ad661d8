package exec_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

var update = flag.Bool("update", false, "rewrite the list of passing conformance cases")

const passing = "testdata/conformance.txt"

// ONNX's own operator tests: those that pass are the ones listed, so that
// progress and regressions show as a difference of one text file.
func TestConformance(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(shared.Dir(t), "onnx-node-tests", "test_*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	listed := readList(t)
	var passed, failed []string
	for _, dir := range cases {
		name := filepath.Base(dir)
		err := conform(dir)
		switch want := slices.Contains(listed, name); {
		case err == nil:
			passed = append(passed, name)
			if !want && !*update {
				t.Errorf("%s passes; list it with -update", name)
			}
		default:
			failed = append(failed, fmt.Sprintf("# %s: %v", name, err))
			if want && !*update {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	t.Logf("%d of %d cases pass", len(passed), len(cases))
	if *update {
		writeList(t, passed, failed)
	}
}

func readList(t *testing.T) []string {
	f, err := os.Open(passing)
	if err != nil {
		if *update {
			return nil
		}
		t.Fatal(err)
	}
	defer f.Close()
	var list []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if !strings.HasPrefix(s.Text(), "#") {
			list = append(list, s.Text())
		}
	}
	return list
}

// writeList writes the passing cases one a line, and behind them as comments
// the others with what they lack.
func writeList(t *testing.T, passed, failed []string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# ONNX operator tests that pass: %d of %d. Written by go test -run Conformance -update.\n",
		len(passed), len(passed)+len(failed))
	fmt.Fprintln(&b, strings.Join(passed, "\n"))
	fmt.Fprintln(&b, strings.Join(failed, "\n"))
	if err := os.WriteFile(passing, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// conform runs one case.
func conform(dir string) error {
	m, err := onnxgraph.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := exec.New(m, exec.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	inputs := make(map[string]*onnxgraph.Tensor)
	for i, v := range m.Graph.Inputs {
		t, err := readTensor(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return err
		}
		inputs[v.Name] = typed(t, v.Type)
	}
	got, err := s.Run(context.Background(), inputs, nil)
	if err != nil {
		return err
	}
	for i, v := range m.Graph.Outputs {
		want, err := readTensor(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return err
		}
		if err := near(got[v.Name], typed(want, v.Type)); err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return nil
}

// readTensor reads a serialized TensorProto, by way of a model that has it as
// its one initializer.
func readTensor(path string) (*onnxgraph.Tensor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var t onnxpb.TensorProto
	if err := proto.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("%s holds no tensor: %w", filepath.Base(path), err)
	}
	t.Name = proto.String("t")
	raw, err := proto.Marshal(&onnxpb.ModelProto{Graph: &onnxpb.GraphProto{Initializer: []*onnxpb.TensorProto{&t}}})
	if err != nil {
		return nil, err
	}
	m, err := onnxgraph.Parse(raw, "")
	if err != nil {
		return nil, err
	}
	return m.Tensor(m.Weights()[0])
}

// typed gives bfloat16 tensors their type: the cases hold them as uint16.
func typed(t *onnxgraph.Tensor, want onnxgraph.DataType) *onnxgraph.Tensor {
	if want == onnxgraph.BFloat16 && t.Type == onnxgraph.Uint16 {
		t.Type = want
	}
	return t
}

// near compares as ONNX's test runner does: floats within 1e-7 + 1e-3·|want|,
// all else exactly. Half precision may differ by two units in the last place:
// these kernels round once, the cases at every step.
func near(got, want *onnxgraph.Tensor) error {
	if got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %v %v, want %v %v", got.Type, got.Shape, want.Type, want.Shape)
	}
	g, w := floats(got), floats(want)
	if g == nil {
		if !reflect.DeepEqual(got.Data, want.Data) && reflect.ValueOf(want.Data).Len() > 0 {
			return fmt.Errorf("got %.60v, want %.60v", got.Data, want.Data)
		}
		return nil
	}
	tol := map[onnxgraph.DataType]float64{onnxgraph.Float16: 2e-3, onnxgraph.BFloat16: 1.6e-2}[want.Type]
	for i, v := range g {
		if d := math.Abs(v - w[i]); !(d <= 1e-7+max(tol, 1e-3)*math.Abs(w[i])) && v != w[i] && !(math.IsNaN(v) && math.IsNaN(w[i])) {
			return fmt.Errorf("element %d is %g, want %g", i, v, w[i])
		}
	}
	return nil
}

// floats returns floating-point elements, nil for other types.
func floats(t *onnxgraph.Tensor) []float64 {
	var out []float64
	switch x := t.Data.(type) {
	case []float32:
		out = make([]float64, len(x))
		for i, v := range x {
			out[i] = float64(v)
		}
	case []float64:
		out = append([]float64{}, x...)
	case []uint16:
		f := map[onnxgraph.DataType]func(uint16) float32{onnxgraph.Float16: half.Float16, onnxgraph.BFloat16: half.BFloat16}[t.Type]
		if f == nil {
			return nil
		}
		out = make([]float64, len(x))
		for i, v := range x {
			out[i] = float64(f(v))
		}
	}
	return out
}
