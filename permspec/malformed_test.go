package permspec_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// No operator of the table minds too few inputs, too many or empty ones: its
// node is frozen, and that is all.
func TestMalformedNodes(t *testing.T) {
	for _, op := range permspec.Operators() {
		for _, inputs := range []string{"", "_", "h", "_, h", "h, _", "_, _, h", "h, h", "h, w, w, w, w, w, w, w, w, w, w, w"} {
			malformed := func(m *onnxpb.ModelProto) {
				n := m.Graph.Node[1]
				if n.GetDomain() != "" {
					n.Domain = proto.String("com.microsoft")
					m.OpsetImport = append(m.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: n.Domain, Version: proto.Int64(1)})
				}
				if inputs == "" {
					n.Input = nil
				}
			}
			text := "x: 2x3\nw = 3x4\nh = MatMul(x, w)\ny = " + op + "(" + inputs + ")\n-> y"
			m, err := onnxgraph.Load(net{text: text, edit: malformed}.file(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := permspec.Infer(m, permspec.Options{}); err != nil {
				t.Errorf("%s(%s): %v", op, inputs, err)
			}
			m.Close()
		}
	}
}

// An If without a condition is no panic either.
func TestIfWithoutCondition(t *testing.T) {
	for _, inputs := range []string{"", "_", "_, h"} {
		n := net{text: "x: 2x3\nw = 3x4\nh = MatMul(x, w)\ny = If(" + inputs + ") then_branch=@b else_branch=@b\n-> y",
			bodies: map[string]string{"b": "v = 2x4\nq = Relu(v)\n-> q"}}
		n.edit = func(m *onnxpb.ModelProto) {
			if inputs == "" {
				m.Graph.Node[1].Input = nil
			}
		}
		m, err := onnxgraph.Load(n.file(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := permspec.Infer(m, permspec.Options{}); err != nil {
			t.Error(err)
		}
		if s, err := backends["onnx-go"](m); err == nil {
			s.Run(t.Context(), map[string]*onnxgraph.Tensor{"x": {Type: onnxgraph.Float32, Shape: []int{2, 3}, Data: make([]float32, 6)}}, nil)
			s.Close()
		}
		m.Close()
	}
}
