package eval

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A difference in a single row of an embedding is found, whichever row: indices
// are dealt so that each comes once before any comes again.
func TestEveryIndex(t *testing.T) {
	m := sketch{inputs: []string{"ids int64 1 4"}, outputs: []string{"y float32 1 4 3"}, nodes: []*onnxpb.NodeProto{node("Gather words ids -> y")},
		weights: []*onnxpb.TensorProto{weight("words", []int64{90, 3}, waves(270)...)}}.model(t)
	w := weightNamed(t, m, "words")
	for row := 0; row < 89; row += 11 {
		v := verify(t, m, replaced(m, w, swapped(t, m, w, 0, row, row+1)), VerifyOptions{})
		v.want(t, Different, "")
	}
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
	v := verify(t, m, m, VerifyOptions{Samples: 3})
	if want := "ids int64[1,4]; ids had 12 of its 90 values"; v.Inputs != want {
		t.Errorf("inputs %q, want %q", v.Inputs, want)
	}
}

// A network that saturates on ordinary inputs is judged on smaller ones.
func TestSmallInputs(t *testing.T) {
	big := waves(64)
	for i := range big {
		big[i] *= 300
	}
	m := sketch{inputs: []string{"x float32 1 8"}, outputs: []string{"y float32 1 4"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Add h b -> i"), node("Tanh i -> t"), node("MatMul t v -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{8, 8}, big...), weight("b", []int64{8}, waves(8)...), weight("v", []int64{8, 4}, waves(32)...)}}.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
	w := weightNamed(t, m, "b")
	verify(t, m, replaced(m, w, swapped(t, m, w, 0, 1, 2)), VerifyOptions{}).want(t, Different, "")
}

// An output that changes with the inputs but does not feel the weights tells
// nothing about them.
func TestDeaf(t *testing.T) {
	s := sketch{inputs: []string{"x float32 1 8"}, outputs: []string{"y float32 1 8"},
		nodes:   []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Mul h tiny -> s"), node("Add x s -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{8, 8}, waves(64)...), weight("tiny", []int64{1}, float32(1e-12))}}
	m := s.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Inconclusive, `"y" hardly depended on any weights`)
	s.weights[1] = weight("tiny", []int64{1}, float32(1))
	m = s.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
}

// A quantised model counts as heard where its output changes by the mean, for
// single elements may be far apart without telling.
func TestQuantised(t *testing.T) {
	m := sketch{inputs: []string{"x float32 4 8"}, outputs: []string{"y float32 4 4"},
		nodes: []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Relu h -> r"), node("QuantizeLinear r step -> q"),
			node("DequantizeLinear q step -> d"), node("MatMul d v -> z"), node("Sigmoid z -> s"), node("Add s one -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{8, 16}, waves(128)...), weight("step", nil, float32(.05)), weight("v", []int64{16, 4}, waves(64)...), weight("one", []int64{4}, []float32{1, 1, 1, 1}...)}}.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Same, "")
	w := weightNamed(t, m, "w")
	verify(t, m, replaced(m, w, swapped(t, m, w, 1, 2, 3)), VerifyOptions{}).want(t, Different, "")
}

// In a quantised model steps may differ here and there, not everywhere.
func TestQuantisedTolerance(t *testing.T) {
	tensor := func(d []float64) *onnxgraph.Tensor {
		return &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{len(d)}, Data: d}
	}
	a := make([]float64, 1000)
	few, many := make([]float64, 1000), make([]float64, 1000)
	for i := range a {
		a[i] = float64(i%100) / 10
		few[i], many[i] = a[i], a[i]+0.1
	}
	few[7] += 0.5
	for name, test := range map[string]struct {
		b  []float64
		ok bool
	}{"few": {few, true}, "many": {many, false}} {
		g, err := gapOf(tensor(a), tensor(test.b))
		if err != nil || toleranceQuantised.holds(g, 0) != test.ok {
			t.Errorf("%s steps: holds %v, %v", name, !test.ok, err)
		}
	}
}

// A model whose outputs rounding moves about is reported as that.
func TestUnstable(t *testing.T) {
	m := sketch{inputs: []string{"x float32 1 16"}, outputs: []string{"y float32 1 16"},
		nodes: []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Mul h big -> i"), node("Sin i -> y")},
		weights: []*onnxpb.TensorProto{weight("w", []int64{16, 16}, waves(256)...),
			weight("big", []int64{1}, float32(1e9))}}.model(t)
	verify(t, m, m, VerifyOptions{}).want(t, Inconclusive, `"y" was unstable: the last bits of the weights alone move it by`)
}

// Runs in which rounding alone moves an output count for nothing: neither do they
// show that it changes nor are their differences told, but for those beyond all
// noise.
func TestUnsteadyRuns(t *testing.T) {
	one := func(v ...float32) *onnxgraph.Tensor {
		return &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{len(v)}, Data: v}
	}
	o := &observed{name: "y", tol: toleranceFloat32}
	see := func(x, y, z *onnxgraph.Tensor) {
		t.Helper()
		if err := o.observe(x, y, z); err != nil {
			t.Fatal(err)
		}
	}
	see(one(5e5, 1), one(2e5, 1), one(3e5, 1)) // chaos
	see(one(0, 1), one(0, 1), one(0, 1))       // and silence
	if o.failed || o.told() || o.total.maxAbs != 0 || o.steady != 1 {
		t.Errorf("after an unsteady run and a constant one: failed %v, told %v, difference %g, %d steady", o.failed, o.told(), o.total.maxAbs, o.steady)
	}
	see(one(2, 3), one(2, 3), one(2.000001, 3))
	if o.failed || !o.told() {
		t.Errorf("after another number in a steady run: failed %v, told %v", o.failed, o.told())
	}
	see(one(5e5, 1), one(-9e9, 1), one(3e5, 1))
	if !o.failed || o.total.maxAbs < 9e9 {
		t.Errorf("a difference beyond all noise: failed %v, difference %g", o.failed, o.total.maxAbs)
	}
}

// A mask of -Inf hides nothing from the check, and is not drawn anew; nor are positions, which
// may be compared.
func TestMasks(t *testing.T) {
	const n = 20
	mask, places := make([]float32, n*n), make([]float32, n)
	for i := range mask {
		if i%n > i/n {
			mask[i] = float32(math.Inf(-1))
		}
		places[i%n] = float32(i % n)
	}
	turn := &onnxpb.AttributeProto{Name: proto.String("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{0, 2, 1}}
	for _, hide := range []string{"Add p mask -> s", "Where before p far -> s"} {
		m := sketch{inputs: []string{"x float32 2 20 8"}, outputs: []string{"y float32 2 20 4"},
			nodes: []*onnxpb.NodeProto{node("Transpose x -> t", turn), node("MatMul x t -> z"), node("Mul z small -> p"), node("LessOrEqual cols rows -> before"),
				node(hide), node("Softmax s -> q"), node("MatMul q x -> o"), node("MatMul o w -> y")},
			weights: []*onnxpb.TensorProto{weight("mask", []int64{n, n}, mask...), weight("rows", []int64{n, 1}, places...), weight("cols", []int64{n}, places...),
				weight("small", nil, float32(.1)), weight("far", nil, float32(-1e9)), weight("w", []int64{8, 4}, waves(32)...)}}.model(t)
		verify(t, m, m, VerifyOptions{}).want(t, Same, "")
		w := weightNamed(t, m, "w")
		verify(t, m, replaced(m, w, swapped(t, m, w, 0, 1, 2)), VerifyOptions{}).want(t, Different, "")
	}
}
