package exec_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/cputime"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// BenchmarkRun runs the trained models, 64 examples at a time, on one goroutine. internal/tools/speed sets the like
// beside ONNX Runtime.
func BenchmarkRun(b *testing.B) {
	for _, name := range []string{"mnist_mlp", "cifar10_vgg", "cifar10_resnet", "cifar10_resnet_folded", "mnist_concat", "mnist_gru", "mnist_vit", "mnist_vit_op17"} {
		b.Run(name, func(b *testing.B) {
			dir := filepath.Join(shared.Dir(b), "models", name)
			m, s := load(b, filepath.Join(dir, "a.onnx"), exec.Options{Threads: 1})
			x := repeated(array(b, filepath.Join(dir, "golden.npz"), "x"), 4)
			inputs := map[string]*onnxgraph.Tensor{m.Graph.Inputs[0].Name: x}
			b.ReportAllocs()
			start := cputime.Seconds()
			for b.Loop() {
				if _, err := s.Run(context.Background(), inputs, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(1e3*(cputime.Seconds()-start)/float64(b.N), "cpu-ms/op")
		})
	}
}

// repeated sets copies of a tensor's examples one after the other.
func repeated(t *onnxgraph.Tensor, times int) *onnxgraph.Tensor {
	x, ok := t.Data.([]float32)
	if !ok {
		panic(fmt.Sprintf("elements of type %v", t.Type))
	}
	out := &onnxgraph.Tensor{Type: t.Type, Shape: append([]int{t.Shape[0] * times}, t.Shape[1:]...)}
	all := make([]float32, 0, len(x)*times)
	for range times {
		all = append(all, x...)
	}
	out.Data = all
	return out
}
