package onnxgraph_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// largestSeed is the size in bytes up to which a model is mutated: in larger
// ones nearly every byte is a weight's.
const largestSeed = 24 << 10

// realModels returns the small models of the fixtures.
func realModels(f *testing.F) [][]byte {
	paths, err := filepath.Glob("../fixtures/exports/*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no models among the fixtures: %v", err)
	}
	var out [][]byte
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) <= largestSeed {
			out = append(out, data)
		}
	}
	return out
}

// No bytes make the reader panic, and what it reads it writes as it came.
func FuzzParse(f *testing.F) {
	for _, s := range append(seeds(f), realModels(f)...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) { try(t, data) })
}

// Field numbers of onnx.proto.
const (
	modelGraph       = 7
	graphNode        = 1
	graphInitializer = 5
	nodeAttribute    = 5
)

// field is one message of the wire format inside another.
func field(number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
}

// withGraph is a model whose graph is that of chain() and then the message.
func withGraph(t testing.TB, number protowire.Number, message []byte) []byte {
	m := chain()
	graph := append(marshal(t, m.Graph), field(number, message)...)
	m.Graph = nil
	return append(marshal(t, m), field(modelGraph, graph)...)
}

// No tensor, dense, packed or stored elsewhere, makes the reader panic.
func FuzzTensor(f *testing.F) {
	for _, s := range append(seeds(f), realModels(f)...) {
		m := new(onnxpb.ModelProto)
		if proto.Unmarshal(s, m) != nil {
			continue
		}
		for _, t := range m.GetGraph().GetInitializer() {
			f.Add(marshal(f, t))
		}
	}
	f.Fuzz(func(t *testing.T, tensor []byte) { try(t, withGraph(t, graphInitializer, tensor)) })
}

// No attribute makes the reader or shape inference panic, whatever the operator.
func FuzzAttribute(f *testing.F) {
	for _, s := range append(seeds(f), realModels(f)...) {
		m := new(onnxpb.ModelProto)
		if proto.Unmarshal(s, m) != nil {
			continue
		}
		for _, n := range m.GetGraph().GetNode() {
			for _, a := range n.GetAttribute() {
				f.Add(n.GetOpType(), marshal(f, a))
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind string, attribute []byte) {
		node := append(marshal(t, op(kind, in("x", "y"), "z")), field(nodeAttribute, attribute)...)
		try(t, withGraph(t, graphNode, node))
	})
}

// tryShapes infers the shapes of a model: none is negative.
func tryShapes(t *testing.T, m *onnxgraph.Model) {
	shapes := onnxgraph.Shapes(m)
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Outputs {
			if v == nil {
				continue
			}
			dims, _ := shapes.Shape(v)
			for _, d := range dims {
				if size, known := d.Known(); known && size < 0 {
					t.Fatalf("%s gives %v", n.Op, dims)
				}
			}
		}
	}
}
