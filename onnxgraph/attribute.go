package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// attributes builds the attributes of a node.
func (b *builder) attributes(n *Node, pb *onnxpb.NodeProto, s *scope) error {
	for i, a := range pb.GetAttribute() {
		arg := s.resolve(a)
		if arg.pb == nil {
			continue
		}
		if _, twice := n.Attrs[a.GetName()]; twice {
			return fmt.Errorf("%s has two attributes %q", n.text(pb), a.GetName())
		}
		v, err := b.attribute(n, pb, a.GetName(), arg)
		if err != nil {
			return err
		}
		if n.Attrs == nil {
			n.Attrs = map[string]Attr{}
		}
		n.Attrs[a.GetName()] = v
		for k, body := range bodies(v) {
			body.attr, body.nth = i, k
		}
	}
	return nil
}

// attribute builds one attribute of a node.
func (b *builder) attribute(n *Node, pb *onnxpb.NodeProto, name string, arg argument) (Attr, error) {
	a := arg.pb
	v := Attr{Kind: attrKind(a)}
	var err error
	weight := func(t *onnxpb.TensorProto) *Weight {
		w, e := b.weight(t, weightName(n, pb, name))
		err = firstError(err, e)
		return w
	}
	graph := func(g *onnxpb.GraphProto) *Graph {
		s := *arg.scope
		s.graph = n.Graph
		body, e := b.graph(g, &s, n)
		err = firstError(err, e)
		return body
	}
	sparse := func(t *onnxpb.SparseTensorProto) *Weight {
		w, e := b.sparse(t, weightName(n, pb, name))
		err = firstError(err, e)
		return w
	}
	switch v.Kind {
	case AttrFloat:
		v.Float = a.GetF()
	case AttrInt:
		v.Int = a.GetI()
	case AttrString:
		v.String = string(a.GetS())
	case AttrTensor:
		v.Weight = weight(a.GetT())
	case AttrGraph:
		v.Graph = graph(a.GetG())
	case AttrSparse:
		v.Weight = sparse(a.GetSparseTensor())
	case AttrFloats:
		v.Floats = a.GetFloats()
	case AttrInts:
		v.Ints = a.GetInts()
	case AttrStrings:
		for _, s := range a.GetStrings() {
			v.Strings = append(v.Strings, string(s))
		}
	case AttrTensors:
		v.Weights = mapped(a.GetTensors(), weight)
	case AttrGraphs:
		v.Graphs = mapped(a.GetGraphs(), graph)
	case AttrSparses:
		v.Weights = mapped(a.GetSparseTensors(), sparse)
	case AttrType:
		v.String, err = typeText(a.GetTp())
	case AttrTypes:
		for _, t := range a.GetTypeProtos() {
			s, e := typeText(t)
			err = firstError(err, e)
			v.Strings = append(v.Strings, s)
		}
	default:
		return v, fmt.Errorf("%s: attribute %q has an unknown type %d", n.text(pb), name, v.Kind)
	}
	return v, err
}

// attrKind returns the kind of an attribute; files of the first IR version do
// not say it.
func attrKind(a *onnxpb.AttributeProto) AttrKind {
	switch {
	case a.GetType() != onnxpb.AttributeProto_UNDEFINED:
		return AttrKind(a.GetType())
	case a.F != nil:
		return AttrFloat
	case a.I != nil:
		return AttrInt
	case a.S != nil:
		return AttrString
	case a.T != nil:
		return AttrTensor
	case a.G != nil:
		return AttrGraph
	case a.Floats != nil:
		return AttrFloats
	case a.Strings != nil:
		return AttrStrings
	case a.Tensors != nil:
		return AttrTensors
	case a.Graphs != nil:
		return AttrGraphs
	}
	return AttrInts
}

// typeText returns a text that is the same for equal types.
func typeText(t *onnxpb.TypeProto) (string, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
	return string(b), err
}

// constant sets the weight of the output of a Constant node.
func (b *builder) constant(n *Node, pb *onnxpb.NodeProto) error {
	if n.Op != "Constant" || n.Domain != "" || len(n.Outputs) != 1 || n.Outputs[0] == nil {
		return nil
	}
	for _, name := range []string{"value", "sparse_value"} {
		if a, ok := n.Attrs[name]; ok && a.Weight != nil {
			n.Outputs[0].setWeight(a.Weight)
			return nil
		}
	}
	for name, a := range n.Attrs {
		w := inlineWeight(a)
		if w == nil {
			continue
		}
		w.Name = b.unique(weightName(n, pb, name))
		w.file = b.file
		n.Outputs[0].setWeight(w)
	}
	return nil
}

// inlineWeight returns the tensor that the attributes value_float, value_ints
// and so on of a Constant node stand for, or nil for an attribute of another
// kind.
func inlineWeight(a Attr) *Weight {
	w := &Weight{index: -1, inline: []byte{}}
	le := binary.LittleEndian
	switch a.Kind {
	case AttrFloat:
		w.Type, w.inline = Float32, le.AppendUint32(nil, math.Float32bits(a.Float))
	case AttrInt:
		w.Type, w.inline = Int64, le.AppendUint64(nil, uint64(a.Int))
	case AttrString:
		w.Type, w.strings = String, []string{a.String}
	case AttrFloats:
		w.Type, w.Shape = Float32, []int64{int64(len(a.Floats))}
		for _, f := range a.Floats {
			w.inline = le.AppendUint32(w.inline, math.Float32bits(f))
		}
	case AttrInts:
		w.Type, w.Shape = Int64, []int64{int64(len(a.Ints))}
		for _, i := range a.Ints {
			w.inline = le.AppendUint64(w.inline, uint64(i))
		}
	case AttrStrings:
		w.Type, w.Shape, w.strings = String, []int64{int64(len(a.Strings))}, a.Strings
	default:
		return nil
	}
	return w
}

// weightName returns the name of a weight that is an attribute: for a Constant
// node that of the value it defines.
func weightName(n *Node, pb *onnxpb.NodeProto, attr string) string {
	out := ""
	if len(pb.GetOutput()) > 0 {
		out = pb.GetOutput()[0]
	}
	if n.Op == "Constant" && out != "" {
		return out
	}
	if n.Name != "" {
		return n.Name + "." + attr
	}
	return out + "." + attr
}

// firstError returns the first error there is.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// mapped returns f of every element.
func mapped[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
