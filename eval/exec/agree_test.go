package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// missing lists the models that need an operator which the backend does not
// have, and the operator.
var missing = map[string]string{
	"ort_lstm_dynamic_classic17.onnx": "DynamicQuantizeLSTM",
}

// Every model of the trained pairs, the zoo and the published pairs gives the
// same outputs here as on ONNX Runtime, within 1e-4 of the largest; where
// rounding makes more of it, the outputs here are the nearer ones to those in
// float64.
func TestAgreesWithONNXRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("60 models, some of a second each")
	}
	dir := shared.Dir(t)
	if _, err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	runs := manifest(t, dir)
	var paths []string
	for _, pattern := range []string{"models/*/[ab].onnx", "zoo/*.onnx", "zoopairs/*/[ab].onnx"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		rel, _ := filepath.Rel(dir, path)
		name := strings.TrimSuffix(filepath.ToSlash(rel), ".onnx")
		t.Run(name, func(t *testing.T) {
			agree(t, path, runs[strings.TrimSuffix(filepath.Base(path), ".onnx")])
		})
	}
}

// So does every model that PyTorch and other exporters wrote for the tests.
func TestExportsAgreeWithONNXRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("155 models")
	}
	if _, err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	paths, err := filepath.Glob("../../fixtures/exports/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no exports: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) { agree(t, path, nil) })
	}
}

// table is where the differences found are written, see docs/agreement.md.
var table = flag.String("table", "", "write what models differ by to a file, as rows of a table")

// note adds a row to the table.
func note(t *testing.T, format string, args ...any) {
	if *table == "" {
		return
	}
	f, err := os.OpenFile(*table, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, name, _ := strings.Cut(t.Name(), "/")
	if strings.HasPrefix(t.Name(), "TestExports") {
		name = "exports/" + name
	}
	fmt.Fprintf(f, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
}

func agree(t *testing.T, path string, run []string) {
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ours, err := exec.New(m, exec.Options{})
	var unsupported *exec.UnsupportedError
	if errors.As(err, &unsupported) {
		if want := missing[filepath.Base(path)]; want != unsupported.Op {
			t.Errorf("no operator %s; the list of missing ones says %q", unsupported.Op, want)
		}
		note(t, "the onnx-go backend has no operator %s", unsupported.Op)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	inputs := randomInputs(t, m, run)
	got, wrong := ours.Run(context.Background(), inputs, nil)
	want, err := onRuntime(m, inputs, nil)
	switch {
	case err != nil && wrong != nil:
		t.Skipf("neither backend runs the model: %v; %v", wrong, err)
	case err != nil:
		note(t, "ONNX Runtime does not run it")
		t.Skipf("ONNX Runtime does not run the model: %v", err)
	case wrong != nil:
		t.Fatal(wrong)
	}
	most := 0.0
	var apart []string
	for name, w := range want {
		d, err := difference(got[name], w)
		if err != nil {
			t.Errorf("output %q: %v", name, err)
		}
		tol := 1e-4
		if w.Type == onnxgraph.Float16 {
			tol = 1e-2 // its own precision
		}
		if most = max(most, d); d > tol {
			apart = append(apart, name)
		}
	}
	if apart == nil {
		note(t, "%.1e", most)
		return
	}
	here, there := fromFloat64(t, path, m, ours, inputs, apart)
	note(t, "%.1e; from float64: here %.1e, ONNX Runtime %.1e", most, here, there)
}

// askedAt names a value on the way to the outputs where the two backends part,
// for models that take long in float64.
var askedAt = map[string]string{"fns_candy.onnx": "InstanceNormalization_5"}

// fromFloat64 runs the model in float64 and fails unless each of the values is
// at least as near to that here as on ONNX Runtime. It returns the largest
// distances of both.
func fromFloat64(t *testing.T, path string, m *onnxgraph.Model, ours *exec.Session, inputs map[string]*onnxgraph.Tensor, values []string) (here, there float64) {
	if v := askedAt[filepath.Base(path)]; v != "" {
		values = []string{v}
	}
	got, err := ours.Run(context.Background(), inputs, values)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := onRuntime(m, inputs, values)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := exec.New(inFloat64(t, path), exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer exact.Close()
	want, err := exact.Run(context.Background(), widenInputs(inputs), values)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range values {
		w := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: want[name].Shape, Data: narrow(want[name].Data.([]float64))}
		a, errA := difference(got[name], w)
		b, errB := difference(theirs[name], w)
		if errA != nil || errB != nil || a > b {
			t.Errorf("%q is %g from float64 here, %g on ONNX Runtime, of the largest: %v", name, a, b, errors.Join(errA, errB))
		}
		here, there = max(here, a), max(there, b)
	}
	return here, there
}

func onRuntime(m *onnxgraph.Model, inputs map[string]*onnxgraph.Tensor, values []string) (map[string]*onnxgraph.Tensor, error) {
	s, err := ort.New(m, ort.Options{Optimize: ort.OptimizeNone, Threads: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(context.Background(), inputs, values)
}

// difference returns by how much floats differ, as a part of the largest; all
// else must be the same.
func difference(got, want *onnxgraph.Tensor) (float64, error) {
	if got == nil || got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) {
		return 0, fmt.Errorf("got %.60s, want %v %v", fmt.Sprint(got), want.Type, want.Shape)
	}
	g, w := floats(got), floats(want)
	if g == nil {
		return 0, near(got, want)
	}
	top, worst := 0.0, 0.0
	for _, v := range w {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			top = max(top, math.Abs(v))
		}
	}
	for i, v := range w {
		if math.IsNaN(v) != math.IsNaN(g[i]) {
			return 0, fmt.Errorf("element %d is %g, want %g", i, g[i], v)
		}
		if math.IsNaN(v) || v == g[i] { // infinities too
			continue
		}
		worst = max(worst, math.Abs(v-g[i]))
	}
	return worst / max(top, 1e-3), nil
}

// manifest reads how the zoo's models are run.
func manifest(t *testing.T, dir string) map[string][]string {
	data, err := os.ReadFile(filepath.Join(dir, "zoo", "MANIFEST.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Name string
		Run  []string
	}
	if err := json.Unmarshal(data, &entries); err != nil {
		t.Fatal(err)
	}
	runs := make(map[string][]string)
	for _, e := range entries {
		runs[e.Name] = e.Run
	}
	return runs
}

// randomInputs makes inputs of the shapes the model declares: normal floats,
// small integers. run holds pairs "--set name=2x3" of a shape, "--val name=3"
// of a value, "--ints n" of the bound of integers.
func randomInputs(t *testing.T, m *onnxgraph.Model, run []string) map[string]*onnxgraph.Tensor {
	shapes, values, bound := make(map[string]string), make(map[string]string), 4
	for i := 0; i+1 < len(run); i += 2 {
		name, v, _ := strings.Cut(run[i+1], "=")
		switch run[i] {
		case "--set":
			shapes[name] = v
		case "--val":
			values[name] = v
		case "--ints":
			bound, _ = strconv.Atoi(name)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	out := make(map[string]*onnxgraph.Tensor)
	for _, v := range m.Graph.Inputs {
		var shape []int
		free := int64(4)
		if sizeOf(v.Declared) > 1e6 {
			free = 1 // one large picture
		}
		for _, d := range v.Declared {
			n, known := d.Known()
			if !known || n <= 0 {
				n = free
			}
			shape = append(shape, int(n))
		}
		if s, ok := shapes[v.Name]; ok {
			shape = nil
			for _, d := range strings.Split(s, "x") {
				n, _ := strconv.Atoi(d)
				shape = append(shape, n)
			}
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		number := func() float64 { return rng.NormFloat64() }
		if !v.Type.IsFloat() {
			number = func() float64 { return float64(rng.IntN(bound)) }
		}
		if s, ok := values[v.Name]; ok {
			f, _ := strconv.ParseFloat(s, 64)
			number = func() float64 { return f }
		}
		out[v.Name] = &onnxgraph.Tensor{Type: v.Type, Shape: shape, Data: randomData(t, v.Type, n, number)}
	}
	return out
}

// sizeOf is the product of the sizes that are known.
func sizeOf(dims []onnxgraph.Dim) int64 {
	size := int64(1)
	for _, d := range dims {
		if n, known := d.Known(); known && n > 0 {
			size *= n
		}
	}
	return size
}

func randomData(t *testing.T, typ onnxgraph.DataType, n int, number func() float64) any {
	switch typ {
	case onnxgraph.Float32:
		return fillOf[float32](n, number)
	case onnxgraph.Float64:
		return fillOf[float64](n, number)
	case onnxgraph.Int64:
		return fillOf[int64](n, number)
	case onnxgraph.Int32:
		return fillOf[int32](n, number)
	case onnxgraph.Uint8:
		return fillOf[uint8](n, number)
	case onnxgraph.Float16:
		out := make([]uint16, n)
		for i := range out {
			out[i] = half.ToFloat16(float32(number()))
		}
		return out
	case onnxgraph.Bool:
		out := make([]bool, n)
		for i := range out {
			out[i] = number() != 0
		}
		return out
	}
	t.Skipf("inputs of type %v are not made here", typ)
	return nil
}

func fillOf[T float32 | float64 | int64 | int32 | uint8](n int, number func() float64) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(number())
	}
	return out
}
