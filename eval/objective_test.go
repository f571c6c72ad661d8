package eval

import (
	"math"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// The gradient of every loss, by labels and by an ensemble, is what differences
// say; and the loss by labels is that of Evaluate.
func TestObjectiveSlope(t *testing.T) {
	numbers := func(shape []int, data ...float64) *onnxgraph.Tensor {
		return &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: shape, Data: data}
	}
	for _, c := range []struct {
		kind   Loss
		output *onnxgraph.Tensor
		labels []int64
		loss   float64
	}{
		{LossLogits, numbers([]int{2, 3}, 1, -0.5, 0.2, 0.3, 0.1, -1), []int64{2, 0}, -math.Log(math.Exp(0.2)/(math.E+math.Exp(-0.5)+math.Exp(0.2)))/2 - math.Log(math.Exp(0.3)/(math.Exp(0.3)+math.Exp(0.1)+math.Exp(-1)))/2},
		{LossLogits, numbers([]int{1, 2, 3}, 1, -0.5, 0.2, 0.3, 0.1, -1), []int64{0, 1, 0}, math.NaN()}, // classes first
		{LossProbabilities, numbers([]int{2, 2}, 0.75, 0.25, 0.5, 0.5), []int64{0, 1}, -math.Log(0.75)/2 - math.Log(0.5)/2},
		{LossLogProbabilities, numbers([]int{1, 2}, math.Log(0.25), math.Log(0.75)), []int64{0}, -math.Log(0.25)},
		{LossBinary, numbers([]int{2, 1}, 0.75, 0.25), []int64{1, 1}, -math.Log(0.75)/2 - math.Log(0.25)/2},
		{LossBinaryLogits, numbers([]int{2, 1}, 0, 0.4), []int64{1, 0}, math.NaN()},
		{LossMSE, numbers([]int{2, 2}, 1, 2, 3, 4), []int64{1, 1, 3, 2}, (1 + 4.) / 4},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			o := &Objective{Output: &onnxgraph.Value{Name: "y"}, kind: c.kind, fixed: true}
			n := c.output.Shape[0]
			b := &dataset.Batch{N: n, Labels: &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{n, len(c.labels) / n}, Data: c.labels}}
			byLabels, err := o.Labels(b, c.output)
			if err != nil {
				t.Fatal(err)
			}
			if loss, _, _ := o.Slope(c.output, byLabels); !math.IsNaN(c.loss) && !(math.Abs(loss-c.loss) < 1e-12) {
				t.Errorf("loss %g, want %g", loss, c.loss)
			}
			checkSlope(t, o, c.output, byLabels)
			x := c.output.Data.([]float64)
			other := make([]float64, len(x))
			for i, v := range x {
				other[(i+1)%len(x)] = v
			}
			byOthers, err := o.Ensemble([]*onnxgraph.Tensor{c.output, numbers(c.output.Shape, other...)}, n)
			if err != nil {
				t.Fatal(err)
			}
			checkSlope(t, o, c.output, byOthers)
		})
	}
}

// A label that is to be ignored has no part in the loss, the gradient or the errors.
func TestObjectiveIgnores(t *testing.T) {
	o := &Objective{Output: &onnxgraph.Value{Name: "y"}, kind: LossLogits, fixed: true, ignore: []int64{-100}}
	y := &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{2, 2}, Data: []float64{1, 3, 2, 0}}
	target, err := o.Labels(&dataset.Batch{N: 2, Labels: &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{2}, Data: []int64{0, -100}}}, y)
	if err != nil {
		t.Fatal(err)
	}
	loss, gradient, err := o.Slope(y, target)
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Log(1 + math.Exp(2)); math.Abs(loss-want) > 1e-9 || gradient[0] == 0 || gradient[2] != 0 || gradient[3] != 0 {
		t.Errorf("loss %g, want %g; gradient %v", loss, want, gradient)
	}
	if wrong, err := o.Wrong(y, target); err != nil || wrong != 1 {
		t.Errorf("%g of the labels that count are wrong, %v; want all", wrong, err)
	}
}

// Sigmoids side by side are measured, not classes, with targets and without.
func TestObjectiveSigmoids(t *testing.T) {
	y := &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{2, 3}, Data: []float64{0.1, 0.9, 0.5, 0.2, 0.3, 0.4}}
	z := &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{2, 3}, Data: []float64{0.3, 0.9, 0.5, 0.2, 0.3, 0.4}}
	targets := map[string]func(o *Objective) (*Target, error){
		"ensemble": func(o *Objective) (*Target, error) { return o.Ensemble([]*onnxgraph.Tensor{y, z}, 2) },
		"mixture":  func(o *Objective) (*Target, error) { return o.Mixture([]*onnxgraph.Tensor{y, z}, 2) },
		"labels":   func(o *Objective) (*Target, error) { return o.Labels(&dataset.Batch{N: 2, Labels: z}, y) },
	}
	for name, of := range targets {
		o := &Objective{Output: &onnxgraph.Value{Name: "y"}, kind: LossBinary}
		target, err := of(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		loss, _, err := o.Slope(y, target)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := 0.1 * 0.1 / 6 // one of six numbers is .1 off, or .2 from the labels
		if name == "labels" {
			want *= 4
		}
		if math.Abs(loss-want) > 1e-9 || !o.Measures() {
			t.Errorf("%s: loss %g, want %g; measured: %v", name, loss, want, o.Measures())
		}
	}
}

func checkSlope(t *testing.T, o *Objective, output *onnxgraph.Tensor, target *Target) {
	t.Helper()
	const step = 1e-5
	_, gradient, err := o.Slope(output, target)
	if err != nil {
		t.Fatal(err)
	}
	x := output.Data.([]float64)
	for i, v := range x {
		x[i] = v + step
		above, _, _ := o.Slope(output, target)
		x[i] = v - step
		below, _, _ := o.Slope(output, target)
		x[i] = v
		if want := (above - below) / (2 * step); math.Abs(float64(gradient[i])-want) > 1e-5 {
			t.Errorf("gradient by element %d is %g, differences say %g", i, gradient[i], want)
		}
	}
}

// What a model of one sample at a time says without an axis of samples is one row of scores.
func TestObjectiveOfOneSample(t *testing.T) {
	for _, shape := range [][]int{{5}, {1, 5}} {
		m := sketch{inputs: []string{"x float32 1 4"}, outputs: []string{"y float32"}, nodes: []*onnxpb.NodeProto{node("MatMul x w -> h"), node("Squeeze h first -> y")},
			weights: []*onnxpb.TensorProto{weight("w", []int64{4, 5}, waves(20)...), weight("first", []int64{1}, int64(0))}}.model(t)
		o, err := NewObjective(m, EvaluateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		y := &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: shape, Data: []float32{0, 0, 0, 0, 5}}
		target, err := o.Labels(&dataset.Batch{N: 1, Labels: &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{1}, Data: []int64{4}}}, y)
		if err != nil {
			t.Fatal(err)
		}
		loss, by, err := o.Slope(y, target)
		if want := math.Log(1 + 4*math.Exp(-5)); err != nil || math.Abs(loss-want) > 1e-6 || len(by) != 5 {
			t.Errorf("shape %v: loss %v, slope %v, %v; want %v", shape, loss, by, err, want)
		}
	}
}
