package rebasin_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// noisy is a model whose weights are off by a tenth of their own deviation.
func noisy(t *testing.T, m *onnxgraph.Model) *onnxgraph.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range m.Weights() {
		if !w.Type.IsFloat() || w.Elements() < 2 || !w.Replaceable() {
			continue
		}
		x, err := m.Float64s(w)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		for i := range x {
			x[i] += 0.1 * math.Sqrt(sum/float64(len(x))) * math.Abs(rng.NormFloat64())
		}
		contents[w] = solver.Content(w.Type, x)
	}
	return m.With(contents)
}

// TestSymmetry: networks as exporters write them compute the same after their units
// were turned or scaled, and have come nearer by rotations; Align itself runs both.
func TestSymmetry(t *testing.T) {
	for _, c := range []struct {
		file string
		kind permspec.FreedomKind
		most int // groups that have it
	}{
		{"hf_bert_classic17", permspec.Orthogonal, 4},        // separate q, k, v
		{"gpt_split_dynamo18", permspec.Orthogonal, 4},       // one weight for q, k and v
		{"llama_dynamo18", permspec.Orthogonal, 2},           // angles turn q and k: values only
		{"mobilenet_v2_classic11", permspec.Orthogonal, 3},   // linear bottlenecks
		{"resnet_bn_classic13", permspec.Scale, 9},           // residual streams, normalization
		{"nhwc_classic17", permspec.Scale, 2},                // channels last, flattened
		{"unet_segmentation_classic11", permspec.Scale, 6},   // concatenations left out
		{"attention_widths_dynamo18", permspec.Scale, 4},     // values
		{"efficientnet_lite_dynamo18", permspec.Scale, 2},    // Clip is in the way of others
		{"autoencoder_classic13", permspec.Orthogonal, 1},    // the code
		{"superresolution_dynamo18", permspec.Orthogonal, 1}, // two layers without a Relu between
		{"swin_dynamo18", permspec.Orthogonal, 6},            // windows
	} {
		t.Run(c.file, func(t *testing.T) {
			a := load(t, "fixtures", "exports", c.file+".onnx")
			al, err := rebasin.Align(context.Background(), a, noisy(t, a), rebasin.Options{Symmetry: []permspec.FreedomKind{c.kind}})
			if err != nil {
				t.Fatal(err)
			}
			s := al.Symmetry[0]
			if !al.Verification.OK || s.Groups != c.most || s.L2After == s.L2Before || c.kind == permspec.Orthogonal && s.L2After > s.L2Before {
				t.Errorf("%+v, verified %v", s, al.Verification.OK)
			}
		})
	}
}

// TestSymmetryRefused: recurrent cells and angles have none.
func TestSymmetryRefused(t *testing.T) {
	a := load(t, "fixtures", "exports", "gru_classic14.onnx")
	if _, err := rebasin.Align(context.Background(), a, a, rebasin.Options{Symmetry: []permspec.FreedomKind{permspec.Orthogonal}}); err == nil {
		t.Error("units of recurrent cells were turned")
	}
}
