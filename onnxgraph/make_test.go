package onnxgraph_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// These make small models by hand.

func tensor(name string, t onnxgraph.DataType, dims ...int64) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(t)), Dims: dims}
}

// floats returns a float32 tensor of one axis, in raw_data.
func floats(name string, x ...float32) *onnxpb.TensorProto {
	t := tensor(name, onnxgraph.Float32, int64(len(x)))
	t.RawData = rawFloats(x...)
	return t
}

func rawFloats(x ...float32) []byte {
	b := []byte{}
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func op(kind string, inputs []string, outputs ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: &kind, Input: inputs, Output: outputs}
}

func value(name string) *onnxpb.ValueInfoProto { return &onnxpb.ValueInfoProto{Name: &name} }

func in(names ...string) []string { return names }

// chain returns a model that adds the tensors to its input x one after the
// other; its output is y.
func chain(ts ...*onnxpb.TensorProto) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{
		Name: proto.String("g"), Initializer: ts,
		Input:  []*onnxpb.ValueInfoProto{value("x")},
		Output: []*onnxpb.ValueInfoProto{value("y")},
	}
	at := "x"
	for _, t := range ts {
		next := "x+" + t.GetName()
		g.Node = append(g.Node, op("Add", in(at, t.GetName()), next))
		at = next
	}
	g.Node = append(g.Node, op("Identity", in(at), "y"))
	return model(g)
}

func model(g *onnxpb.GraphProto) *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, pb *onnxpb.ModelProto) *onnxgraph.Model {
	t.Helper()
	m, err := onnxgraph.Parse(marshal(t, pb), "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// write puts files into a new folder and returns the path of the first.
func write(t testing.TB, files ...any) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i].(string))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, files[i+1].([]byte), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0].(string))
}

func load(t testing.TB, path string) *onnxgraph.Model {
	t.Helper()
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// weight returns the weight of a name.
func weight(t testing.TB, m *onnxgraph.Model, name string) *onnxgraph.Weight {
	t.Helper()
	for _, w := range m.Weights() {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no weight %q", name)
	return nil
}

// put returns the model with the raw bytes of one weight replaced.
func put(t testing.TB, m *onnxgraph.Model, name string, b []byte) *onnxgraph.Model {
	t.Helper()
	return m.With(map[*onnxgraph.Weight]onnxgraph.Content{
		weight(t, m, name): func() ([]byte, error) { return b, nil },
	})
}
