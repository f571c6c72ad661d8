package onnxgraph_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func content(x ...float32) onnxgraph.Content {
	return func() ([]byte, error) { return rawFloats(x...), nil }
}

// written returns the model as saved, as a message.
func written(t *testing.T, m *onnxgraph.Model) *onnxpb.ModelProto {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	pb := new(onnxpb.ModelProto)
	if err := proto.Unmarshal(b.Bytes(), pb); err != nil {
		t.Fatal(err)
	}
	return pb
}

// A weight is added and read by nodes of the main graph and of a body; all else
// stays as it is, what With has replaced included.
func TestEdit(t *testing.T) {
	for _, ir := range []int64{3, 8} {
		pb := network()
		pb.IrVersion = &ir
		pb.Graph.Node[0].Input = in("x", "k")
		pb.Graph.ProtoReflect().SetUnknown(unknown(201))
		pb.Graph.Node[0].ProtoReflect().SetUnknown(unknown(202))
		m := put(t, parse(t, pb), "b", rawFloats(8, 9))
		body := m.Graph.Nodes[5].Attrs["else_branch"].Graph
		e, err := m.Edit(
			onnxgraph.AddWeight("new", onnxgraph.Float32, []int64{4}, content(1, 2, 3, 4)),
			onnxgraph.SetInput(m.Graph.Nodes[0], 2, "new"),
			onnxgraph.AddWeight("other", onnxgraph.Float32, []int64{1}, content(5)),
			onnxgraph.SetInput(body.Nodes[0], 0, "other"))
		if err != nil {
			t.Fatal(err)
		}
		if err := checkModel(e); err != nil {
			t.Error(err)
		}
		want := proto.CloneOf(pb)
		g := want.Graph
		g.Initializer[4].RawData = rawFloats(8, 9)
		g.Initializer = append(g.Initializer, floats("new", 1, 2, 3, 4), floats("other", 5))
		g.Node[0].Input = in("x", "k", "new")
		g.Node[5].Attribute[1].G.Node[0].Input = in("other")
		if ir < 4 {
			for _, w := range e.Weights()[len(e.Weights())-2:] {
				v := value(w.Name)
				v.Type = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
					ElemType: proto.Int32(1),
					Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
						{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: w.Shape[0]}},
					}},
				}}}
				g.Input = append(g.Input, v)
			}
		}
		if got := written(t, e); !proto.Equal(got, want) {
			t.Errorf("IR version %d: edited model\n%v\nwant\n%v", ir, got, want)
		}
		full, err := e.Proto()
		if err != nil || !slices.Equal(full.Graph.Node[0].Input, in("x", "k", "new")) || !bytes.Equal(full.Graph.Initializer[5].RawData, rawFloats(1, 2, 3, 4)) {
			t.Errorf("message %v, %v", full, err)
		}
		// An edited model is a model like any other.
		again, err := put(t, e, "new", rawFloats(6, 6, 6, 6)).Edit(onnxgraph.SetInput(e.Graph.Nodes[4], 1, "b2"),
			onnxgraph.AddWeight("b2", onnxgraph.Float32, []int64{2}, content(7, 7)))
		if err != nil {
			t.Fatal(err)
		}
		pb = written(t, again)
		if i := pb.Graph.Initializer; !bytes.Equal(i[5].RawData, rawFloats(6, 6, 6, 6)) || !bytes.Equal(i[7].RawData, rawFloats(7, 7)) {
			t.Errorf("edited again %v", i)
		}
		if pb.Graph.Node[4].Input[1] != "b2" || pb.Graph.Node[0].Input[2] != "new" {
			t.Errorf("edited again %v", pb.Graph.Node)
		}
	}
}

// Inputs left out are filled with empty names; what cannot be edited is told.
func TestEditLimits(t *testing.T) {
	m := parse(t, network())
	relu := m.Graph.Nodes[1]
	e, err := m.Edit(onnxgraph.SetInput(relu, 3, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, e).Graph.Node[1].Input; !slices.Equal(got, in("c", "", "", "b")) {
		t.Errorf("inputs %q", got)
	}
	for want, edits := range map[string][]onnxgraph.Edit{
		"nothing defines": {onnxgraph.SetInput(relu, 0, "missing")},
		"cycle":           {onnxgraph.SetInput(relu, 0, "m")},
		"twice":           {onnxgraph.SetInput(relu, 0, "x"), onnxgraph.SetInput(relu, 1, "x")},
		"another model":   {onnxgraph.SetInput(parse(t, network()).Graph.Nodes[1], 0, "x")},
		"two init":        {onnxgraph.AddWeight("b", onnxgraph.Float32, []int64{1}, content(1))},
		"negative":        {onnxgraph.AddWeight("z", onnxgraph.Float32, []int64{-1}, content(1))},
		"cannot be added": {onnxgraph.AddWeight("z", onnxgraph.String, nil, content(1))},
	} {
		if _, err := m.Edit(edits...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	short, err := m.Edit(onnxgraph.AddWeight("z", onnxgraph.Float32, []int64{2}, content(1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.WriteTo(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), `"z"`) {
		t.Errorf("error %v", err)
	}
}
