package eval

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/outside"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// verify compares two models and fails the test on an error.
func verify(t testing.TB, a, b *onnxgraph.Model, opts VerifyOptions) *Verification {
	t.Helper()
	opts.Open.Threads = 1
	v, err := Verify(context.Background(), a, b, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// want checks a verdict and a part of its reason.
func (v *Verification) want(t testing.TB, verdict Verdict, reason string) {
	t.Helper()
	if v.Verdict != verdict || v.OK != (verdict == Same) || !strings.Contains(v.Reason, reason) {
		t.Errorf("verdict %s (%s), want %s (%s)", v.Verdict, v.Reason, verdict, reason)
	}
}

// swapped gives a weight's bytes with two slots of an axis exchanged.
func swapped(t testing.TB, m *onnxgraph.Model, w *onnxgraph.Weight, axis, i, j int) []byte {
	t.Helper()
	old, err := m.Bytes(w)
	if err != nil {
		t.Fatal(err)
	}
	inner := w.Type.Size()
	for _, d := range w.Shape[axis+1:] {
		inner *= int(d)
	}
	out := slices.Clone(old)
	for at := 0; at < len(out); at += inner * int(w.Shape[axis]) {
		copy(out[at+i*inner:at+(i+1)*inner], old[at+j*inner:])
		copy(out[at+j*inner:at+(j+1)*inner], old[at+i*inner:])
	}
	return out
}

// replaced is a model with other bytes for one weight.
func replaced(m *onnxgraph.Model, w *onnxgraph.Weight, data []byte) *onnxgraph.Model {
	return m.With(map[*onnxgraph.Weight]onnxgraph.Content{w: func() ([]byte, error) { return data, nil }})
}

func weightNamed(t testing.TB, m *onnxgraph.Model, name string) *onnxgraph.Weight {
	t.Helper()
	for _, w := range m.Weights() {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no weight %q", name)
	return nil
}

// mlp is a network of one hidden layer with 16 units.
func mlp(t testing.TB, last string) *onnxgraph.Model {
	t.Helper()
	return sketch{
		inputs: []string{"x float32 batch 8"}, outputs: []string{"y float32 batch 4"},
		nodes: []*onnxpb.NodeProto{node("Gemm x w1 b1 -> h"), node("Relu h -> r"), node("Gemm r w2 b2 -> z"), node(last + " z -> y")},
		weights: []*onnxpb.TensorProto{weight("w1", []int64{8, 16}, waves(128)...), weight("b1", []int64{16}, waves(16)...),
			weight("w2", []int64{16, 4}, waves(64)...), weight("b2", []int64{4}, waves(4)...)},
	}.model(t)
}

// A permuted model is the same, one with a single transposition outside the
// group is not, and the first value that differs is found.
func TestVerify(t *testing.T) {
	m := mlp(t, "Softmax")
	spec, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	permuted, err := spec.Apply(m, spec.Random(rand.New(rand.NewPCG(1, 2))))
	if err != nil {
		t.Fatal(err)
	}
	v := verify(t, m, permuted, VerifyOptions{AllValues: true})
	v.want(t, Same, "")
	if v.MaxAbs == 0 || v.MaxAbs > 1e-6 || v.Samples != 10 || v.Diverging != nil {
		t.Errorf("permuted: %+v", v)
	}
	for _, test := range []struct {
		weight string
		axis   int
		first  string // value that differs first
	}{{"w1", 0, "h"}, {"w1", 1, "h"}, {"b1", 0, "h"}, {"w2", 0, "z"}, {"w2", 1, "z"}, {"b2", 0, "z"}} {
		w := weightNamed(t, m, test.weight)
		v := verify(t, m, replaced(m, w, swapped(t, m, w, test.axis, 1, 3)), VerifyOptions{AllValues: true})
		v.want(t, Different, `output "y" differs by`)
		if v.Diverging == nil || v.Diverging.Value != test.first || v.Diverging.Reordered {
			t.Errorf("%s axis %d: diverging at %+v, want %s", test.weight, test.axis, v.Diverging, test.first)
		}
	}
}

// What the runs do not tell is not called the same.
func TestInconclusive(t *testing.T) {
	zero := sketch{inputs: []string{"x float32 1 4"}, outputs: []string{"y float32 1 4"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> h"), node("MatMul h z -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{4, 4}, waves(16)...), weight("z", []int64{4, 4}, make([]float32, 16)...)}}.model(t)
	v := verify(t, zero, zero, VerifyOptions{})
	v.want(t, Inconclusive, `no output that weight "w" reaches told anything about it ("y" was constant); give data`)
	if v.Samples < 10 {
		t.Errorf("only %d samples were tried", v.Samples)
	}

	drawn := sketch{inputs: []string{"x float32 1 4"}, outputs: []string{"y float32 1 4"},
		nodes: []*onnxpb.NodeProto{node("RandomNormalLike x -> r"), node("Add x r -> y")}}.model(t)
	r := runner(t, drawn, OnnxRuntime)
	v, err := VerifyRunners(context.Background(), r, r, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v.want(t, Inconclusive, `output "y" is not the same in two runs`)

	nan := sketch{inputs: []string{"x float32 1 4"}, outputs: []string{"y float32 1 4"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Sub h h -> o"), node("Div o o -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{4, 4}, waves(16)...)}}.model(t)
	verify(t, nan, nan, VerifyOptions{}).want(t, Inconclusive, "the check could not tell")
}

// Whole numbers must be equal, and the reason says so.
func TestWholeNumbers(t *testing.T) {
	model := func(add int64) *onnxgraph.Model {
		return sketch{inputs: []string{"x int64 4"}, outputs: []string{"y int64 4"}, nodes: []*onnxpb.NodeProto{node("Add x w -> y")},
			weights: []*onnxpb.TensorProto{weight("w", []int64{1}, add)}}.model(t)
	}
	verify(t, model(1), model(3), VerifyOptions{}).want(t, Different, `output "y" differs by 2, where none is allowed`)
}

// A second output that tells nothing makes the verdict inconclusive only when
// weights depend on it alone.
func TestMuteOutput(t *testing.T) {
	s := sketch{inputs: []string{"x float32 1 8"}, outputs: []string{"y float32 1 4", "label int64 1 1"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> y"), node("MatMul y z -> c"), node("ArgMax c -> label", intAttr("axis", 1))},
		weights: []*onnxpb.TensorProto{weight("w", []int64{8, 4}, waves(32)...), weight("z", []int64{4, 3}, make([]float32, 12)...)}}
	m := s.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Inconclusive, `weight "z"`)
	s.nodes[1] = node("Mul y zero -> c")
	s.weights[1] = weight("zero", []int64{1}, float32(0))
	m = s.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, `"label" was constant and told nothing`)
}

// Behind a softmax that is always certain, its input is compared.
func TestSaturated(t *testing.T) {
	s := sketch{inputs: []string{"x float32 1 8"}, outputs: []string{"y float32 1 8"},
		nodes: []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Add h b -> z"), node("Softmax z -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{8, 8}, waves(64)...),
			weight("b", []int64{8}, 300, 1, 2, 3, 4, 5, 6, float32(7))}}
	m := s.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
	w := weightNamed(t, m, "b")
	v := verify(t, m, replaced(m, w, swapped(t, m, w, 0, 3, 6)), VerifyOptions{})
	v.want(t, Different, `output "z" differs`)
}

// Both branches of an If are compared, by other values of what it depends on.
func TestBranches(t *testing.T) {
	branch := func(name string) *onnxpb.GraphProto {
		return sketch{outputs: []string{"o" + name + " float32 1 4"}, nodes: []*onnxpb.NodeProto{node("MatMul x " + name + " -> o" + name)},
			weights: []*onnxpb.TensorProto{weight(name, []int64{4, 4}, waves(16)...)}}.graph()
	}
	m := sketch{inputs: []string{"x float32 1 4", "rate int64"}, outputs: []string{"y float32 1 4"},
		nodes: []*onnxpb.NodeProto{node("Equal rate k -> c"),
			node("If c -> y", bodyAttr("then_branch", branch("then")), bodyAttr("else_branch", branch("else")))},
		weights: []*onnxpb.TensorProto{weight("k", []int64{}, int64(16000))}}.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
	for _, name := range []string{"then", "else"} {
		w := weightNamed(t, m, name)
		verify(t, m, replaced(m, w, swapped(t, m, w, 0, 0, 1)), VerifyOptions{}).want(t, Different, "")
	}
	rate := 16000.
	v := verify(t, m, m, VerifyOptions{Inputs: map[string]InputSpec{"rate": {Value: &rate}}})
	v.want(t, Same, "the else branch of node of \"y\" (If) was never taken, so 1 weights in it were not compared")
}

// Models whose inputs or outputs are of other number or type are different.
func TestInterfaces(t *testing.T) {
	one := sketch{inputs: []string{"x float32 4"}, outputs: []string{"y float32 4"}, nodes: []*onnxpb.NodeProto{node("Neg x -> y")}}
	two, double := one, one
	two.inputs = []string{"x float32 4", "z float32 4"}
	double.inputs, double.outputs = []string{"x float64 4"}, []string{"y float64 4"}
	verify(t, one.model(t), two.model(t), VerifyOptions{}).want(t, Different, "the models have 1 and 2 inputs")
	verify(t, one.model(t), double.model(t), VerifyOptions{}).want(t, Different, `input "x" is float32, but "x" is float64`)
}

// Generated inputs are such that the model can run on them: indices below what
// they look up, equal sizes for equal names, controls that are compared with.
func TestGeneratedInputs(t *testing.T) {
	m := sketch{inputs: []string{"ids int64 batch seq", "kind int32 batch seq", "mask int64 batch total", "x float32 batch seq n", "rate int64"},
		outputs: []string{"a float32 batch seq 3", "b float32 batch seq 2", "c float32 batch seq 5", "d float32 batch total", "e bool"},
		nodes: []*onnxpb.NodeProto{node("Gather words ids -> a"), node("Cast kind -> k", intAttr("to", 7)), node("Gather kinds k -> b"),
			node("MatMul x w -> c"), node("Cast mask -> d", intAttr("to", 1)), node("Equal rate r -> e")},
		weights: []*onnxpb.TensorProto{weight("words", []int64{7, 3}, waves(21)...), weight("kinds", []int64{2, 2}, waves(4)...),
			weight("w", []int64{6, 5}, waves(30)...), weight("r", []int64{}, int64(8000))}}.model(t)
	p, err := planInputs(m, m, onnxgraph.Shapes(m), map[string]InputSpec{"mask": {Shape: []int{3, 9}}}, candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := "ids int64[3,8], kind int32[3,8], mask int64[3,9], x float32[3,8,6], rate int64[]"; p.describe() != want {
		t.Errorf("inputs %s, want %s", p.describe(), want)
	}
	for k := range 20 {
		in, err := p.sample(1, k, styles[0])
		if err != nil {
			t.Fatal(err)
		}
		if ids := in["ids"].Data.([]int64); slices.Max(ids) > 6 || slices.Min(ids) < 0 {
			t.Errorf("ids %v", ids)
		}
		if kinds := in["kind"].Data.([]int32); slices.Max(kinds) > 1 || slices.Min(kinds) < 0 {
			t.Errorf("kinds %v", kinds)
		}
		if rate := in["rate"].Data.([]int64); rate[0] != 8000 {
			t.Errorf("rate %v", rate)
		}
		if mask := in["mask"].Data.([]int64); slices.Min(mask) != 1 {
			t.Errorf("mask %v", mask)
		}
	}
	if n, ok := sumOf("past + 1", map[string]int{"past": 4}); !ok || n != 5 {
		t.Errorf("past + 1 is %d", n)
	}
	_, err = planInputs(m, m, onnxgraph.Shapes(m), map[string]InputSpec{"nobody": {}}, candidates[0])
	if err == nil || !strings.Contains(err.Error(), `has no input "nobody"`) {
		t.Errorf("error %v", err)
	}
}

// A data set takes the place of generated inputs.
func TestVerifyOnData(t *testing.T) {
	m := mlp(t, "Softmax")
	w := weightNamed(t, m, "w2")
	other := replaced(m, w, swapped(t, m, w, 0, 1, 3))
	for _, n := range []int{1, 2, 150} {
		set := open(t, arrayFile(t, []int{n, 8}, waves(8*n)), dataset.Options{Inputs: InputsOf(m)})
		v := verify(t, m, m, VerifyOptions{Data: set})
		v.want(t, Same, "")
		if want := fmt.Sprintf("%d samples of d.npz", n); v.Inputs != want {
			t.Errorf("inputs %q, want %q", v.Inputs, want)
		}
		verify(t, m, other, VerifyOptions{Data: set}).want(t, Different, "")
	}
}

// arrayFile writes an .npz file of one array, x.
func arrayFile(t *testing.T, shape []int, data []float32) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("x.npy")
	if err != nil {
		t.Fatal(err)
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n", strings.NewReplacer("[", "(", "]", ")", " ", ", ").Replace(fmt.Sprint(shape)))
	fmt.Fprintf(w, "\x93NUMPY\x01\x00%c%c%s", len(header)%256, len(header)/256, header)
	binary.Write(w, binary.LittleEndian, data)
	z.Close()
	path := filepath.Join(t.TempDir(), "d.npz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Tolerances given by the user are taken as they are.
func TestTolerances(t *testing.T) {
	m := mlp(t, "Softmax")
	w := weightNamed(t, m, "w2")
	other := replaced(m, w, swapped(t, m, w, 0, 1, 3))
	v := verify(t, m, other, VerifyOptions{Atol: 1e4, Rtol: 1e-9})
	if v.Atol != 1e4 || v.Rtol != 1e-9 || v.Noise != 0 {
		t.Errorf("tolerances %v, %v, noise %v", v.Atol, v.Rtol, v.Noise)
	}
	v.want(t, Inconclusive, "could not tell") // everything is within that
}

// Gaps: what is not a number agrees with its like only.
func TestGaps(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		a, b   []float64
		broken int
		max    float64
	}{
		{[]float64{1, 2}, []float64{1, 2.5}, 0, 0.5},
		{[]float64{nan, inf, -inf}, []float64{nan, inf, -inf}, 0, 0},
		{[]float64{nan, 1, inf, 1}, []float64{1, nan, -inf, inf}, 4, 0},
	} {
		of := func(d []float64) *onnxgraph.Tensor {
			return &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{len(d)}, Data: d}
		}
		g, err := gapOf(of(test.a), of(test.b))
		if err != nil || g.broken != test.broken || g.maxAbs != test.max {
			t.Errorf("%v, %v: %+v, %v", test.a, test.b, g, err)
		}
	}
}

// Every pair of the shared models is told apart, each model is the same as
// itself permuted, and another than itself with two slots of a weight exchanged
// outside its group. The tool internal/tools/symmetry does this for all models.
func TestVerifyModels(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty models")
	}
	dir := shared.Dir(t)
	files, _ := filepath.Glob(filepath.Join(dir, "models", "*", "a.onnx"))
	for _, name := range []string{"bert_toy_opt", "byte_sb_bilstm", "esp_streaming", "gtcrn", "hawake_alice", "infero_drag", "mnist_cntk", "silero_vad_16k", "sedgen_unet", "voice_commands"} {
		files = append(files, filepath.Join(dir, "zoo", name+".onnx"))
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, dir), func(t *testing.T) {
			a := load(t, file)
			spec, err := permspec.Infer(a, permspec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			permuted, err := spec.Apply(a, spec.Random(rand.New(rand.NewPCG(1, 2))))
			if err != nil {
				t.Fatal(err)
			}
			v := verify(t, a, permuted, VerifyOptions{})
			v.want(t, Same, "")
			t.Logf("permuted: max |a-b| %.2g, noise %.2g", v.MaxAbs, v.Noise)
			exchanges, err := outside.Exchanges(a, spec, 1, 3)
			if err != nil || len(exchanges) != 1 {
				t.Fatalf("exchanges %v, %v", exchanges, err)
			}
			v = verify(t, a, exchanges[0].Of(a), VerifyOptions{})
			t.Logf("%v: %s", exchanges[0], v.Verdict)
			v.want(t, Different, "")
			if other := filepath.Join(filepath.Dir(file), "b.onnx"); filepath.Base(file) == "a.onnx" {
				verify(t, a, load(t, other), VerifyOptions{}).want(t, Different, "")
			}
		})
	}
}
