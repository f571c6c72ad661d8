package onnxgraph_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// try does everything there is to do with the bytes of a model: nothing may
// panic, and what loads is written back as it was.
func try(t *testing.T, data []byte) {
	t.Helper()
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		return
	}
	if err := checkModel(m); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), data) {
		t.Fatal("an unchanged model is written otherwise")
	}
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range m.Weights() {
		if _, err := m.Float64s(w); err == nil && w.Replaceable() {
			contents[w] = func() ([]byte, error) { return m.Bytes(w) }
		}
		m.Tensor(w)
	}
	for _, n := range m.Graph.Nodes {
		for _, v := range n.Outputs {
			if v != nil && v.Weight != nil {
				m.Bytes(v.Weight)
			}
		}
	}
	m.Proto()
	tryShapes(t, m)
	onnxgraph.Correspond(m, m)
	out.Reset()
	if _, err := m.With(contents).WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	again, err := onnxgraph.Parse(out.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range again.Weights() {
		if contents[m.Weights()[i]] == nil {
			continue
		}
		got, err := again.Bytes(w)
		want, _ := m.Bytes(m.Weights()[i])
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("weight %q rewritten as %x, %v, want %x", w.Name, got, err, want)
		}
	}
}

// seeds returns small models of every feature.
func seeds(t testing.TB) [][]byte {
	var out [][]byte
	for _, f := range forms() {
		raw := f.random(rand.New(rand.NewPCG(5, 6)), 9)
		out = append(out, withPayload(t, f, 9, f.fields(raw, 4)), withPayload(t, f, 9, f.fields(raw, 0)))
	}
	deep := &onnxpb.GraphProto{Name: proto.String("leaf")}
	for range 120 {
		a := attr("body", onnxpb.AttributeProto_GRAPH)
		a.G = deep
		deep = &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{withAttrs(op("If", nil), a)}}
	}
	fn := &onnxpb.FunctionProto{Name: proto.String("F"), Input: in("a"), Output: in("a")}
	for range 10 {
		fn.Node = append(fn.Node, op("F", in("a")))
	}
	recursive := chain(floats("w", 1))
	recursive.Functions = []*onnxpb.FunctionProto{fn}
	recursive.Graph.Node = append(recursive.Graph.Node, op("F", in("x")))
	sparse := chain(floats("w", 1))
	sparse.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{Values: floats("s", 1), Indices: floats("i", 1), Dims: []int64{4}}}
	twice := append(marshal(t, chain(floats("w", 1))), marshal(t, chain(floats("w", 1)))...)
	out = append(out, marshal(t, model(deep)), marshal(t, recursive), marshal(t, sparse), twice)
	odd := attr("pads", onnxpb.AttributeProto_TENSOR)
	odd.T = floats("p", 1)
	strange := network()
	strange.Graph.Node[0].Attribute = append(strange.Graph.Node[0].Attribute[:1], odd)
	strange.Graph.Node = append(strange.Graph.Node, op("Softmax", nil, "s"), op("Gemm", in("", ""), "g"), op("Add", in("s"), "a"))
	strange.Graph.Output = append(strange.Graph.Output, value("s"), value("g"), value("a"))
	out = append(out, marshal(t, network()), marshal(t, strange))
	return append(out, marshal(t, chain(away("a", 1, "location", "w"))), bytes.Repeat([]byte{0x3a, 0x80}, 50),
		protowire.AppendVarint([]byte{0x3a}, 1<<63))
}

// Damaged models of every kind are refused or read, without a panic.
func TestDamagedFiles(t *testing.T) {
	dir, names := corpus(t)
	rng := rand.New(rand.NewPCG(7, 8))
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 5000 {
			continue
		}
		for range 15 {
			bad := bytes.Clone(data)
			for range 1 + rng.IntN(3) {
				bad[rng.IntN(len(bad))] = byte(rng.Uint32())
			}
			try(t, bad)
			try(t, data[:rng.IntN(len(data))])
		}
	}
}

// A function that calls another ten times, and so on, is not expanded without
// end.
func TestFunctionBlowUp(t *testing.T) {
	m := chain(floats("w", 1))
	for i := range 12 {
		name, next := "F"+string(rune('a'+i)), "F"+string(rune('b'+i))
		fn := &onnxpb.FunctionProto{Name: &name, Input: in("a"), Output: in("a")}
		for range 10 {
			fn.Node = append(fn.Node, op(next, in("a")))
		}
		m.Functions = append(m.Functions, fn)
	}
	m.Graph.Node = append(m.Graph.Node, op("Fa", in("x")))
	if _, err := onnxgraph.Parse(marshal(t, m), ""); err == nil {
		t.Error("expanded")
	}
}

// Reading and writing take memory for one weight at a time.
func BenchmarkLoadSave(b *testing.B) {
	w := tensor("w", onnxgraph.Float32, 1<<20)
	w.RawData = make([]byte, 4<<20)
	path := write(b, "m.onnx", marshal(b, chain(w)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := onnxgraph.Load(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}
