// Package onnxtest makes models for tests.
package onnxtest

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Parse is a model as it would be read from a file.
func Parse(t testing.TB, pb *onnxpb.ModelProto) *onnxgraph.Model {
	t.Helper()
	data, err := proto.Marshal(pb)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Of is the model of a graph, of IR version 8 and operator set 17.
func Of(t testing.TB, g *onnxpb.GraphProto) *onnxgraph.Model {
	t.Helper()
	if g.Name == nil {
		g.Name = proto.String("g")
	}
	return Parse(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
}
