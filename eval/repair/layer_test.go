package repair

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// TestLayersAreLinear holds layers to what they claim: for rows of what a layer
// reads, weight and bias give, through the normalization, the layer's output.
func TestLayersAreLinear(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/exports/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	found := map[string]int{}
	for k, file := range files {
		if testing.Short() && k%6 != 0 {
			continue
		}
		checkLayers(t, file, found)
	}
	if found["files"]*4 < len(files)*3 && !testing.Short() {
		t.Errorf("only %d of %d models were run", found["files"], len(files))
	}
	for _, op := range []string{"Gemm", "Conv", "Conv of groups", "ConvTranspose", "BatchNormalization"} {
		if found[op] == 0 && !testing.Short() {
			t.Errorf("no layer of kind %s was seen", op)
		}
	}
}

func TestSharedLayersAreLinear(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared.Dir(t), "models", "*", "a.onnx"))
	found := map[string]int{}
	for _, file := range files {
		checkLayers(t, file, found)
	}
	if found["MatMul"] == 0 {
		t.Error("no MatMul with a bias was seen")
	}
}

// checkLayers compares some rows of every layer.
func checkLayers(t *testing.T, file string, found map[string]int) {
	m, err := onnxgraph.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := eval.Open(m, eval.OpenOptions{Backend: eval.OnnxGo})
	if unsupported := (*exec.UnsupportedError)(nil); errors.As(err, &unsupported) {
		return // its layers cannot be seen
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	b := randomBatch(m, rng, 32)
	for _, free := range []int64{32, 8, 6, 2} { // the first size that the model takes
		b = randomBatch(m, rng, free)
		if _, err = r.Run(context.Background(), b.Inputs, nil); err == nil {
			break
		}
	}
	if err != nil {
		t.Logf("%s takes other inputs: %v", filepath.Base(file), err)
		return
	}
	found["files"]++
	for _, l := range layersOf(m) {
		got, err := run(context.Background(), r, b, []*onnxgraph.Value{l.x, l.out})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		x, out := got[l.x], got[l.out]
		for range 8 {
			row := rng.IntN(out.rows(l.outAxis))
			if err := checkRow(m, l, x, out, row); err != "" {
				t.Errorf("%s: %v, row %d: %s", filepath.Base(file), l.node, row, err)
				break
			}
		}
		found[l.node.Op]++
		if l.groups > 1 {
			found[l.node.Op+" of groups"]++
		}
		if l.norm != nil {
			found["BatchNormalization"]++
		}
	}
}

// randomBatch is two samples; free is the size of free axes.
func randomBatch(m *onnxgraph.Model, rng *rand.Rand, free int64) *dataset.Batch {
	b := &dataset.Batch{N: 2, Inputs: map[string]*onnxgraph.Tensor{}}
	for _, in := range eval.InputsOf(m) {
		t := &onnxgraph.Tensor{Type: in.Type}
		n := 1
		for i, d := range in.Shape {
			if d < 0 {
				d = 2
				if i > 0 {
					d = free
				}
			}
			t.Shape = append(t.Shape, int(d))
			n *= int(d)
		}
		if in.Type == onnxgraph.Int64 { // words: the first is in every vocabulary
			t.Data = make([]int64, n)
			b.Inputs[in.Name] = t
			continue
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(rng.NormFloat64())
		}
		t.Data = data
		b.Inputs[in.Name] = t
	}
	return b
}

// checkRow computes one row of a layer's output by hand.
func checkRow(m *onnxgraph.Model, l *layer, x, out *tensor, row int) string {
	w, err := m.Float64s(l.weight)
	if err != nil {
		return err.Error()
	}
	bias := make([]float64, l.groups*l.outs)
	if l.bias != nil {
		if bias, err = m.Float64s(l.bias); err != nil {
			return err.Error()
		}
	}
	in, want := make([]float32, l.groups*l.cols), make([]float32, l.groups*l.outs)
	if l.window != nil {
		l.window.read(in, x, out, row)
	} else {
		x.row(in, l.xAxis, row)
	}
	out.row(want, l.outAxis, row)
	var slope, mean, beta []float64
	if l.norm != nil {
		slope, err = l.norm.slope(m)
		mean, _ = m.Float64s(l.norm.mean)
		beta, _ = m.Float64s(l.norm.beta)
		if err != nil {
			return err.Error()
		}
	}
	for o := range want {
		g := o / l.outs
		sum, size := bias[o], math.Abs(bias[o])
		for i, c := range l.col {
			p := l.scale * w[g*l.group+c+l.to[o%l.outs]] * float64(in[g*l.cols+i])
			sum, size = sum+p, size+math.Abs(p)
		}
		if l.norm != nil {
			sum, size = slope[o]*(sum-mean[o])+beta[o], math.Abs(slope[o])*(size+math.Abs(mean[o]))+math.Abs(beta[o])
		}
		precision := 1e-5
		if l.weight.Type.Bits() == 16 {
			precision = 1e-2
		}
		if math.Abs(sum-float64(want[o])) > precision*(size+1e-3) {
			return "the weight gives another output than the model"
		}
	}
	return ""
}
