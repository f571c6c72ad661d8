package onnxgraph_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// perceptron is a model file of two layers; its first layer has n units.
func perceptron(n int) []byte {
	pb := new(onnxpb.ModelProto)
	err := prototext.Unmarshal(fmt.Appendf(nil, `
		ir_version: 8 opset_import { version: 17 }
		graph {
			input { name: "x" }  output { name: "y" }
			initializer { name: "w1" data_type: 1 dims: [2, %[1]d] float_data: [%[2]s] }
			initializer { name: "w2" data_type: 1 dims: [%[1]d, 1] float_data: [%[3]s] }
			node { op_type: "MatMul" input: ["x", "w1"] output: "h" }
			node { op_type: "Relu"   input: "h"         output: "r" }
			node { op_type: "MatMul" input: ["r", "w2"] output: "y" }
		}`, n, list(2*n), list(n)), pb)
	if err != nil {
		log.Fatal(err)
	}
	b, err := proto.Marshal(pb)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// list returns the numbers 1 to n.
func list(n int) string {
	var b bytes.Buffer
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, i+1)
	}
	return b.String()
}

// Load a model, look at it, swap the two units of its first layer, save it.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "a.onnx"), filepath.Join(dir, "b.onnx")
	if err := os.WriteFile(in, perceptron(2), 0o666); err != nil {
		log.Fatal(err)
	}

	m, err := onnxgraph.Load(in)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for _, n := range m.Graph.Nodes {
		fmt.Println(n)
	}

	swapped := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range m.Weights() {
		x, err := m.Float32s(w)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(w, x)
		for i := 0; i < len(x); i += 2 {
			x[i], x[i+1] = x[i+1], x[i]
		}
		swapped[w] = func() ([]byte, error) { return rawFloats(x...), nil }
	}
	if err := m.With(swapped).Save(out, onnxgraph.SaveOptions{}); err != nil {
		log.Fatal(err)
	}

	n, err := onnxgraph.Load(out)
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	for _, w := range n.Weights() {
		x, err := n.Float32s(w)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(w, x)
	}
	// Output:
	// node of "h" (MatMul)
	// node of "r" (Relu)
	// node of "y" (MatMul)
	// "w1" (float32 [2 2]) [1 2 3 4]
	// "w2" (float32 [2 1]) [1 2]
	// "w1" (float32 [2 2]) [2 1 4 3]
	// "w2" (float32 [2 1]) [2 1]
}

// Two models of different widths are not of one architecture.
func ExampleCorrespond() {
	a, err := onnxgraph.Parse(perceptron(2), "")
	if err != nil {
		log.Fatal(err)
	}
	b, err := onnxgraph.Parse(perceptron(3), "")
	if err != nil {
		log.Fatal(err)
	}
	_, err = onnxgraph.Correspond(a, b)
	var d *onnxgraph.Difference
	fmt.Println(errors.As(err, &d))
	fmt.Println(err)
	// Output:
	// true
	// weight "w1" of the first model (node 0 (MatMul)) has shape [2 2], weight "w1" of the second model (node 0 (MatMul)) has shape [2 3]
}
