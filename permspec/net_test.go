package permspec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/opcase"
)

// net is a small model as text, a line each:
//
//	x: 2x3                  an input; with = 2x3 an initializer, as in operators.txt
//	h = Gemm(x, w) transB=1 a node; an attribute =@name is the body of that name
//	-> y                    the outputs
type net struct {
	text   string
	bodies map[string]string
	edit   func(m *onnxpb.ModelProto)
}

var (
	inputLine  = regexp.MustCompile(`^(\w+): *(\S+)$`)
	weightLine = regexp.MustCompile(`^(\w+) = (\S+)$`)
	nodeLine   = regexp.MustCompile(`^([\w, ]+) = (?:(\w+)\.)?(\w+)\(([\w, ]*)\)(.*)$`)
)

// file writes the model to a file of the test.
func (n net) file(t *testing.T) string {
	t.Helper()
	m := &onnxpb.ModelProto{IrVersion: proto.Int64(10), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: n.graph(t, n.text)}
	if n.edit != nil {
		n.edit(m)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func (n net) graph(t *testing.T, text string) *onnxpb.GraphProto {
	t.Helper()
	g := &onnxpb.GraphProto{Name: proto.String("g")}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if out, ok := strings.CutPrefix(line, "-> "); ok {
			for _, name := range strings.Fields(out) {
				g.Output = append(g.Output, named(name, ""))
			}
		} else if p := inputLine.FindStringSubmatch(line); p != nil {
			g.Input = append(g.Input, named(p[1], p[2]))
		} else if p := nodeLine.FindStringSubmatch(line); p != nil {
			node := &onnxpb.NodeProto{Output: listed(p[1]), Domain: &p[2], OpType: &p[3], Input: listed(p[4])}
			for _, a := range strings.Fields(p[5]) {
				name, body, ok := strings.Cut(a, "=@")
				if !ok {
					node.Attribute = append(node.Attribute, opcase.Attribute(a))
					continue
				}
				kind := onnxpb.AttributeProto_GRAPH
				node.Attribute = append(node.Attribute, &onnxpb.AttributeProto{Name: &name, Type: &kind, G: n.graph(t, n.bodies[body])})
			}
			g.Node = append(g.Node, node)
		} else if p := weightLine.FindStringSubmatch(line); p != nil {
			w, _, err := opcase.Case{Text: p[1]}.Tensor(0, p[2])
			if err != nil {
				t.Fatal(err)
			}
			w.Name = &p[1]
			g.Initializer = append(g.Initializer, w)
		} else {
			t.Fatalf("line %q cannot be read", line)
		}
	}
	return g
}

func listed(text string) []string {
	var out []string
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); s == "_" {
			s = ""
		}
		out = append(out, s)
	}
	return out
}

// named is a value; types are those of operators.txt, ? leaves the shape open.
func named(name, text string) *onnxpb.ValueInfoProto {
	v := &onnxpb.ValueInfoProto{Name: &name}
	kind, shape, ok := strings.Cut(text, ":")
	if !ok {
		kind, shape = "f", text
	}
	v.Type = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(opcase.Types[kind]))}}}
	if text != "" {
		v.Type.GetTensorType().Shape = opcase.FloatType(shape).GetTensorType().Shape
	}
	return v
}

// holds infers the model's groups, compares the layouts of weights, and tries
// random members on every backend.
func (n net) holds(t *testing.T, want map[string]string) {
	t.Helper()
	r := newTrial(t, n.file(t), nil)
	got := map[string]string{}
	for _, w := range r.spec.Weights {
		got[w.Weight.Name] = w.Layout.String()
	}
	for name, layout := range want {
		if got[name] != layout {
			t.Errorf("%s is laid out %q, want %q", name, got[name], layout)
		}
	}
	ran := 0
	for name := range backends {
		if err := r.on(name); err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		ran++
		for seed := range uint64(20) {
			r.member(seed)
		}
	}
	if ran == 0 {
		t.Errorf("no backend runs it: %s", fmt.Sprint(n.text))
	}
}
