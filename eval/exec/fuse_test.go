package exec

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A model gives the same whether its nodes are put together or, because all
// their values are asked for, are not; and the formulas it has are put together.
func TestFusions(t *testing.T) {
	for name, gone := range map[string]map[string]int{
		"cifar10_resnet":        {"BatchNormalization": 15, "Relu": 13, "Add": 6},
		"cifar10_resnet_folded": {"Relu": 13, "Add": 6},
		"cifar10_vgg":           {"BatchNormalization": 5, "Relu": 6},
		"mnist_mlp":             {"Relu": 3},
		"mnist_vit":             {"Erf": 2, "Sqrt": 5, "Pow": 5},
		"mnist_vit_op17":        {"Erf": 2},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := onnxgraph.Load(filepath.Join(shared.Dir(t), "models", name, "a.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			s, err := New(m, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			out := m.Graph.Outputs[0].Name
			all := []string{}
			for _, n := range m.Graph.Nodes {
				all = append(all, n.Outputs[0].Name)
			}
			before, after := countOps(t, s, all), countOps(t, s, []string{out})
			for op, n := range gone {
				if before[op]-after[op] != n {
					t.Errorf("%d of %d %s are put together with others, want %d", before[op]-after[op], before[op], op, n)
				}
			}
			inputs := map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: noise(m.Graph.Inputs[0], 3)}
			together, err := s.Run(context.Background(), inputs, nil)
			if err != nil {
				t.Fatal(err)
			}
			apart, err := s.Run(context.Background(), inputs, all)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range together[out].Data.([]float32) {
				if w := apart[out].Data.([]float32)[i]; !(math.Abs(float64(v-w)) <= 2e-5) {
					t.Fatalf("output %d is %g put together, %g apart", i, v, w)
				}
			}
		})
	}
}

// countOps counts the operators of the steps that compute the given values.
func countOps(t *testing.T, s *Session, outputs []string) map[string]int {
	p, err := s.plan(outputs)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, st := range p.program.steps {
		count[st.node.Op]++
	}
	return count
}

// noise makes an input for some examples.
func noise(v *onnxgraph.Value, examples int) *onnxgraph.Tensor {
	n, shape := 1, []int{}
	for _, d := range v.Declared {
		size, known := d.Known()
		if !known {
			size = int64(examples)
		}
		n, shape = n*int(size), append(shape, int(size))
	}
	rng, x := rand.New(rand.NewPCG(3, 4)), make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()
	}
	return &onnxgraph.Tensor{Type: v.Type, Shape: shape, Data: x}
}
