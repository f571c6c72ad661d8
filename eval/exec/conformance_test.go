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

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

var update = flag.Bool("update", false, "rewrite the list of passing conformance cases")

// ONNX's own operator tests: those that pass are the ones listed, so that
// progress and regressions show as a difference of one text file.
func TestConformance(t *testing.T) {
	conformance(t, filepath.Join(shared.Dir(t), "onnx-node-tests"), "testdata/conformance.txt")
}

// The operator tests of a newer onnx package, which testdata/node_tests.py
// writes, in the folder $ONNX_NODE_TESTS.
func TestConformanceLatest(t *testing.T) {
	dir := os.Getenv("ONNX_NODE_TESTS")
	if dir == "" {
		t.Skip("$ONNX_NODE_TESTS is not set")
	}
	conformance(t, dir, "testdata/conformance_latest.txt")
}

// disputed says why a case is not followed.
var disputed = map[string]string{
	"test_resize_downsample_scales_linear_align_corners": "the case scales by the length before rounding; the operator's text, PyTorch and ONNX Runtime by the length after it",
	"test_resize_downsample_scales_cubic_align_corners":  "the case scales by the length before rounding; the operator's text, PyTorch and ONNX Runtime by the length after it",
	"test_castlike_BFLOAT16_to_FLOAT":                    "the data are not of the shape that the case's own model declares",
	"test_castlike_BFLOAT16_to_FLOAT_expanded":           "the data are not of the shape that the case's own model declares",
	"test_castlike_FLOAT_to_BFLOAT16":                    "the data are not of the shape that the case's own model declares",
	"test_castlike_FLOAT_to_BFLOAT16_expanded":           "the data are not of the shape that the case's own model declares",
}

func conformance(t *testing.T, dir, list string) {
	cases, err := filepath.Glob(filepath.Join(dir, "test_*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	listed := readList(t, list)
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
			why := err.Error()
			if disputed[name] != "" {
				why = disputed[name]
			}
			failed = append(failed, fmt.Sprintf("# %s: %.200s", name, why))
			if want && !*update {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	t.Logf("%d of %d cases pass", len(passed), len(cases))
	if *update {
		writeList(t, list, passed, failed)
	}
}

func readList(t *testing.T, path string) []string {
	f, err := os.Open(path)
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
func writeList(t *testing.T, path string, passed, failed []string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# ONNX operator tests that pass: %d of %d. Written by go test -run Conformance -update.\n",
		len(passed), len(passed)+len(failed))
	fmt.Fprintln(&b, strings.Join(passed, "\n"))
	fmt.Fprintln(&b, strings.Join(failed, "\n"))
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
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
		t, err := readValue(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("input_%d.pb", i)), v)
		if err != nil {
			return err
		}
		inputs[v.Name] = t
	}
	got, err := s.Run(context.Background(), inputs, nil)
	if err != nil {
		return err
	}
	for i, v := range m.Graph.Outputs {
		want, err := readValue(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("output_%d.pb", i)), v)
		if err != nil {
			return err
		}
		if err := near(got[v.Name], want); err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return nil
}

// readValue reads the value of v from a serialized TensorProto or, if v is no
// tensor, SequenceProto.
func readValue(path string, v *onnxgraph.Value) (*onnxgraph.Tensor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if v.Type != onnxgraph.Undefined {
		t, err := readTensor(data)
		return typed(t, v.Type), err
	}
	list := []*onnxgraph.Tensor{}
	for len(data) > 0 {
		field, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		data = data[n:]
		n = protowire.ConsumeFieldValue(field, wire, data)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if field == 3 { // SequenceProto.tensor_values
			one, _ := protowire.ConsumeBytes(data)
			t, err := readTensor(one)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
		data = data[n:]
	}
	return &onnxgraph.Tensor{Type: kernel.Sequence, Shape: []int{len(list)}, Data: list}, nil
}

// readTensor reads a serialized TensorProto, by way of a model that has it as
// its one initializer.
func readTensor(data []byte) (*onnxgraph.Tensor, error) {
	var t onnxpb.TensorProto
	if err := proto.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("no tensor: %w", err)
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
	if t != nil && want == onnxgraph.BFloat16 && t.Type == onnxgraph.Uint16 {
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
	if list, ok := want.Data.([]*onnxgraph.Tensor); ok {
		for i, w := range list {
			if err := near(got.Data.([]*onnxgraph.Tensor)[i], w); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	}
	g, w := floats(got), floats(want)
	if g == nil {
		if !reflect.DeepEqual(got.Data, want.Data) && reflect.ValueOf(want.Data).Len() > 0 {
			return fmt.Errorf("got %.60s, want %.60s", fmt.Sprint(got.Data), fmt.Sprint(want.Data))
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
