package onnxgraph

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// A locator finds messages in a file and changes a copy of what is known of it.
type locator struct {
	file *file
	at   map[int]int // frames by the offset of their length
}

func newLocator(f *file) *locator {
	l := &locator{&file{store: f.store}, map[int]int{}}
	l.file.frames = append(l.file.frames, f.frames...)
	l.file.sites = append(l.file.sites, f.sites...)
	l.file.edits = append(l.file.edits, f.edits...)
	for i, f := range f.frames {
		l.at[f.length] = i
	}
	return l
}

// span returns the place of a frame.
func (l *locator) span(frame int) span {
	if frame == root {
		return span{0, len(l.file.data)}
	}
	return l.file.frames[frame].span
}

// nth returns the nth field of a number in a message, or false.
func (l *locator) nth(parent int, num protowire.Number, n int) (field, bool) {
	var found field
	fields(l.file.data, l.span(parent), func(f field) error { // parsed before, cannot fail
		if f.num == num && f.typ == protowire.BytesType {
			if n == 0 {
				found = f
			}
			n--
		}
		return nil
	})
	return found, found.hi > 0
}

// message returns the frame of the nth field of a number in a message.
func (l *locator) message(parent int, num protowire.Number, n int) (int, error) {
	f, ok := l.nth(parent, num, n)
	if !ok {
		return 0, errors.New("the file does not hold what it did")
	}
	i, ok := l.at[f.afterTag]
	if !ok {
		i = len(l.file.frames)
		l.file.frames = append(l.file.frames, frame{span{f.value, f.hi}, f.afterTag, parent})
		l.at[f.afterTag] = i
	}
	return i, nil
}

// graph returns the frame of a graph.
func (l *locator) graph(g *Graph) (int, error) {
	if g.Outer == nil {
		return l.message(root, fieldGraph, 0)
	}
	n, err := l.node(g.Outer)
	if err != nil {
		return 0, err
	}
	a, err := l.message(n, fieldAttribute, g.attr)
	if err != nil {
		return 0, err
	}
	if i, err := l.message(a, fieldBody, 0); err == nil {
		return i, nil
	}
	return l.message(a, fieldBodies, g.nth)
}

// node returns the frame of a node.
func (l *locator) node(n *Node) (int, error) {
	if n.row < 0 {
		return 0, fmt.Errorf("%v is part of a local function", n)
	}
	g, err := l.graph(n.Graph)
	if err != nil {
		return 0, err
	}
	return l.message(g, fieldNode, n.row)
}

// addWeight puts an initializer at the end of the main graph. Before IR version
// 4 initializers are listed as inputs too.
func (l *locator) addWeight(a addedWeight, ir int64) error {
	if err := checkShape(a.typ, a.shape); err != nil {
		return fmt.Errorf("weight %q: %w", a.name, err)
	}
	if a.typ.Bits() == 0 || a.content == nil {
		return fmt.Errorf("weight %q of type %v cannot be added", a.name, a.typ)
	}
	g, err := l.message(root, fieldGraph, 0)
	if err != nil {
		return err
	}
	a.frame, a.at = g, l.span(g).hi
	l.file.sites = append(l.file.sites, site{frame: root, added: &a})
	if ir < 4 {
		b := protowire.AppendTag(nil, fieldGraphInput, protowire.BytesType)
		l.file.edits = append(l.file.edits, insert(g, a.at, protowire.AppendBytes(b, a.valueInfo())))
	}
	return nil
}

// valueInfo returns the ValueInfoProto of the weight.
func (a *addedWeight) valueInfo() []byte {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range a.shape {
		shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{
			Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d},
		})
	}
	tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(a.typ)), Shape: shape}
	typ := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ValueInfoProto{Name: &a.name, Type: typ})
	return b
}

// setInput changes what a node reads.
func (l *locator) setInput(m *Model, e Edit) error {
	g := e.node.Graph
	for g.Outer != nil {
		g = g.Outer.Graph
	}
	if g != m.Graph {
		return fmt.Errorf("%v is a node of another model", e.node)
	}
	n, err := l.node(e.node)
	if err != nil {
		return err
	}
	for _, old := range l.file.edits {
		if old.frame == n {
			return fmt.Errorf("%v is edited twice", e.node)
		}
	}
	if f, ok := l.nth(n, fieldInput, e.input); ok {
		l.file.edits = append(l.file.edits, replace(n, f.span, inputField(e.name)))
		return nil
	}
	var b []byte
	for range e.input - len(e.node.Inputs) {
		b = append(b, inputField("")...)
	}
	l.file.edits = append(l.file.edits, insert(n, l.span(n).hi, append(b, inputField(e.name)...)))
	return nil
}

// inputField returns an input name as a field of NodeProto.
func inputField(name string) []byte {
	b := protowire.AppendTag(nil, fieldInput, protowire.BytesType)
	return protowire.AppendString(b, name)
}
