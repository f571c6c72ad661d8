package onnxgraph

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
)

// nodeTest is one of ONNX's operator tests, with what its file declares of the
// outputs forgotten.
type nodeTest struct {
	name    string
	model   *Model
	types   []DataType // declared types of the outputs
	inputs  []*Tensor  // nil where the test has no such tensor
	outputs []*Tensor
	bound   map[*Weight][]elem // inputs turned into constants
}

func loadNodeTest(t *testing.T, dir string) *nodeTest {
	t.Helper()
	m, err := Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	n := &nodeTest{name: filepath.Base(dir), model: m, bound: map[*Weight][]elem{}}
	for i := range m.Graph.Inputs {
		n.inputs = append(n.inputs, readTensor(filepath.Join(dir, "test_data_set_0", "input_"+strconv.Itoa(i)+".pb")))
	}
	for i, v := range m.Graph.Outputs {
		n.types = append(n.types, v.Type)
		v.Type, v.HasShape, v.Declared = Undefined, false, nil
		n.outputs = append(n.outputs, readTensor(filepath.Join(dir, "test_data_set_0", "output_"+strconv.Itoa(i)+".pb")))
	}
	return n
}

// readTensor reads a TensorProto file; nil when there is none or it holds
// something else.
func readTensor(path string) *Tensor {
	data, err := os.ReadFile(path)
	pb := &onnxpb.TensorProto{}
	if err != nil || proto.Unmarshal(data, pb) != nil {
		return nil
	}
	data, err = proto.Marshal(&onnxpb.ModelProto{
		Graph: &onnxpb.GraphProto{Initializer: []*onnxpb.TensorProto{pb}},
	})
	if err != nil {
		return nil
	}
	m, err := Parse(data, "")
	if err != nil || len(m.Weights()) != 1 {
		return nil
	}
	tensor, err := m.Tensor(m.Weights()[0])
	if err != nil {
		return nil
	}
	return tensor
}

// bind turns the inputs into constants.
func (n *nodeTest) bind() {
	for i, v := range n.model.Graph.Inputs {
		if x := n.inputs[i]; x != nil && v.Type == x.Type {
			w := &Weight{Name: v.Name, Type: x.Type, Shape: ints64(x.Shape)}
			n.bound[w] = tensorElems(x)
			v.Weight = w
		}
	}
}

func ints64(ns []int) []int64 {
	out := make([]int64, len(ns))
	for i, n := range ns {
		out[i] = int64(n)
	}
	return out
}

// tensorElems returns the elements of a tensor of the types that are folded.
func tensorElems(x *Tensor) []elem {
	elems := []elem{}
	switch data := x.Data.(type) {
	case []float32:
		for _, f := range data {
			elems = append(elems, number(float64(f)))
		}
	case []float64:
		for _, f := range data {
			elems = append(elems, number(f))
		}
	case []int32:
		for _, f := range data {
			elems = append(elems, whole(Size(int64(f))))
		}
	case []int64:
		for _, f := range data {
			elems = append(elems, whole(Size(f)))
		}
	case []bool:
		for _, b := range data {
			elems = append(elems, truth(b))
		}
	}
	return elems
}

func (n *nodeTest) infer() *ShapeInfo {
	return inferShapes(n.model.Graph, func(w *Weight) []elem {
		if elems, ok := n.bound[w]; ok {
			return elems
		}
		return n.model.elements(w)
	})
}

// What is claimed of the outputs of ONNX's operator tests (rank, sizes, element
// types, elements) is what the tests expect; with the inputs as constants every
// size is claimed, and elements by the thousand.
func TestShapesOfNodeTests(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(shared.Dir(t), "onnx-node-tests", "test_*"))
	if err != nil || len(dirs) < 500 {
		t.Fatalf("%d operator tests, %v", len(dirs), err)
	}
	var open, bound tally
	for _, dir := range dirs {
		n := loadNodeTest(t, dir)
		open.check(t, n, n.infer())
		n.bind()
		bound.check(t, n, n.infer())
	}
	if open.sizes < 1800 || bound.sizes < 2000 || bound.missing > 0 || bound.elems < 5000 {
		t.Errorf("claimed: %+v, with inputs as constants %+v", open, bound)
	}
}

// tally counts what is claimed of outputs.
type tally struct{ sizes, missing, elems int }

func (c *tally) check(t *testing.T, n *nodeTest, s *ShapeInfo) {
	t.Helper()
	for i, v := range n.model.Graph.Outputs {
		want := n.outputs[i]
		if want == nil || n.types[i] == Undefined {
			continue // a sequence or an optional
		}
		if s.Type(v) != n.types[i] {
			t.Errorf("%s: output %d is %v, want %v", n.name, i, s.Type(v), n.types[i])
		}
		dims, ok := s.Shape(v)
		if ok && len(dims) != len(want.Shape) {
			t.Errorf("%s: output %d has shape %v, want %v", n.name, i, dims, want.Shape)
			continue
		}
		for k := range want.Shape {
			if !ok {
				c.missing++
				continue
			}
			size, known := dims[k].Known()
			switch {
			case !known:
				c.missing++
			case size != int64(want.Shape[k]):
				t.Errorf("%s: output %d has shape %v, want %v", n.name, i, dims, want.Shape)
			default:
				c.sizes++
			}
		}
		c.checkElems(t, n.name, s, v, tensorElems(want))
	}
}

// checkElems compares folded elements; real numbers to float32 precision.
func (c *tally) checkElems(t *testing.T, name string, s *ShapeInfo, v *Value, want []elem) {
	t.Helper()
	got, ok := s.elems(v)
	if !ok || v.Producer == nil || len(want) == 0 {
		return
	}
	for i, e := range got {
		x, known := e.known()
		y, _ := want[i].known()
		if known && math.Abs(x-y) > 1e-5*max(1, math.Abs(y)) {
			t.Errorf("%s: element %d is %v, want %v", name, i, x, y)
		}
		if known {
			c.elems++
		}
	}
}

// unranked says why the rank of some values of a model stays open.
var unranked = map[string]string{
	"lr_mnist_skl.onnx":   "ZipMap gives a sequence of maps",
	"silero_vad_16k.onnx": "the number of frames decides whether an axis is squeezed",
	"silero_vad_v5.onnx":  "the number of frames decides whether an axis is squeezed",
}

// misdeclared names the models that declare another shape than ONNX Runtime gives.
var misdeclared = map[string]bool{
	"model_with_external_initializers.onnx": true, "model_with_orig_ext_data.onnx": true,
}

// On published models no size contradicts what the file declares, and every
// value has a rank.
func TestShapesOfPublishedModels(t *testing.T) {
	dir := shared.Dir(t)
	var paths []string
	for _, pattern := range []string{"zoo/*.onnx", "zoopairs/*/*.onnx", "zoo-edge/*.onnx", "models/*/a.onnx"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		paths = append(paths, found...)
	}
	if len(paths) < 40 {
		t.Fatalf("only %d models", len(paths))
	}
	for _, path := range paths {
		m, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		s := Shapes(m)
		open := 0
		eachValue(m.Graph, func(v *Value) {
			dims, ok := s.Shape(v)
			if !ok {
				open++
			}
			for i, d := range dims {
				got, known := d.Known()
				if !known || i >= len(v.Declared) || misdeclared[filepath.Base(path)] {
					continue
				}
				if want, declared := v.Declared[i].Known(); declared && want > 0 && want != got {
					t.Errorf("%s: %q has shape %v, declared %v", path, v.Name, dims, v.Declared)
				}
			}
			if v.HasShape && ok && len(v.Declared) != len(dims) {
				t.Errorf("%s: %q has shape %v, declared %v", path, v.Name, dims, v.Declared)
			}
		})
		if _, excused := unranked[filepath.Base(path)]; open > 0 && !excused {
			t.Errorf("%s: the rank of %d values is not known", path, open)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// eachValue calls f for every value that a node of the graph, or of a body in
// it, computes.
func eachValue(g *Graph, f func(*Value)) {
	for _, n := range g.Nodes {
		for _, v := range n.Outputs {
			if v != nil {
				f(v)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
			if body := n.Attrs[name].Graph; body != nil {
				eachValue(body, f)
			}
		}
	}
}

// In the trained pairs every size is a number or a multiple of the batch N, and
// every target of a Reshape is known.
func TestShapesOfTrainedModels(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(shared.Dir(t), "models", "*", "a.onnx"))
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d models, %v", len(paths), err)
	}
	for _, path := range paths {
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		s := Shapes(m)
		eachValue(m.Graph, func(v *Value) {
			dims, _ := s.Shape(v)
			for _, d := range dims {
				if strings.Trim(d.syms, "N·") != "" {
					t.Errorf("%s: %s %q has shape %v", path, v.Producer.Op, v.Name, dims)
				}
			}
			if n := v.Producer; n.Op == "Reshape" || n.Op == "Expand" {
				if _, ok := s.Ints(n.Inputs[1]); !ok {
					t.Errorf("%s: the target of %s %q is not known", path, n.Op, n.Name)
				}
			}
		})
	}
}

func BenchmarkShapes(b *testing.B) {
	m, err := Load(filepath.Join(shared.Dir(b), "zoo", "gpt2_past.onnx"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Shapes(m)
	}
}
