package onnxgraph

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// Edit is a change of a model's graph, made by AddWeight or SetInput.
type Edit struct {
	weight *addedWeight
	node   *Node
	input  int
	name   string
}

// AddWeight puts a new initializer into the main graph.
func AddWeight(name string, t DataType, shape []int64, c Content) Edit {
	return Edit{weight: &addedWeight{name: name, typ: t, shape: shape, content: c}}
}

// SetInput makes a node read the value of the given name as its input i, which
// may be one that it left out so far.
func SetInput(n *Node, i int, name string) Edit {
	return Edit{node: n, input: i, name: name}
}

// Edit returns the model with changes of its graph; the rest of the file stays
// byte for byte. The result has a graph and weights of its own: those of m come
// first among its Weights and in the same order, with the contents they have in
// m. A node of a local function cannot be edited, and no node twice.
func (m *Model) Edit(edits ...Edit) (*Model, error) {
	out, err := EditAll([]*Model{m}, edits...)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// EditAll is Edit for models over one graph, as With makes them; so are the
// results.
func EditAll(models []*Model, edits ...Edit) ([]*Model, error) {
	f, err := models[0].edited(edits)
	if err != nil {
		return nil, fmt.Errorf("edit model: %w", err)
	}
	base, err := newModel(f)
	if err != nil {
		return nil, fmt.Errorf("edit model: %w", err)
	}
	var out []*Model
	for _, m := range models {
		if m.file != models[0].file {
			return nil, errors.New("edit models: they are not over one graph")
		}
		n := *base
		n.added = m.added
		n.contents = make(map[*Weight]Content, len(m.contents))
		for i, w := range m.weights {
			if c := m.contents[w]; c != nil {
				n.contents[n.weights[i]] = c
			}
		}
		out = append(out, &n)
	}
	return out, nil
}

// edited returns the model's file with the changes.
func (m *Model) edited(edits []Edit) (*file, error) {
	if err := m.file.alive(); err != nil {
		return nil, err
	}
	l := newLocator(m.file)
	for _, e := range edits {
		var err error
		if e.weight != nil {
			err = l.addWeight(*e.weight, m.IRVersion)
		} else {
			err = l.setInput(m, e)
		}
		if err != nil {
			return nil, err
		}
	}
	return l.file, nil
}

// An addedWeight is an initializer that is not in the file.
type addedWeight struct {
	name    string
	typ     DataType
	shape   []int64
	content Content
	frame   int // of the main graph, at whose end it is put
	at      int
}

func (a *addedWeight) header() *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: &a.name, DataType: proto.Int32(int32(a.typ)), Dims: a.shape}
}

func (a *addedWeight) size() int { return (&Weight{Type: a.typ, Shape: a.shape}).size() }

func (a *addedWeight) bytes() ([]byte, error) {
	b, err := a.content()
	if err != nil {
		return nil, err
	}
	return b, sizeError(len(b), a.size())
}

// Field numbers of ModelProto, GraphProto, NodeProto and AttributeProto.
const (
	fieldGraph       protowire.Number = 7
	fieldNode        protowire.Number = 1
	fieldInitializer protowire.Number = 5
	fieldGraphInput  protowire.Number = 11
	fieldInput       protowire.Number = 1
	fieldAttribute   protowire.Number = 5
	fieldBody        protowire.Number = 6
	fieldBodies      protowire.Number = 11
)

// edit returns the edit that puts the weight into the file, with the given
// bytes or those that read returns as its raw_data.
func (a *addedWeight) edit(raw []byte, read func() ([]byte, error)) edit {
	size := len(raw)
	if read != nil {
		size = a.size()
	}
	head, _ := proto.MarshalOptions{Deterministic: true}.Marshal(a.header())
	head = protowire.AppendTag(head, fieldRawData, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	b := protowire.AppendTag(nil, fieldInitializer, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(head)+size))
	b = append(b, head...)
	if read == nil {
		return insert(a.frame, a.at, append(b, raw...))
	}
	return edit{a.frame, span{a.at, a.at}, len(b) + size, func() ([]byte, error) {
		raw, err := read()
		return append(b[:len(b):len(b)], raw...), err
	}}
}

// addedWeights returns the edits that put the weights of Edit into the file.
func (m *Model) addedWeights() []edit {
	var edits []edit
	for _, w := range m.weights {
		if a := m.file.sites[w.index].added; a != nil {
			edits = append(edits, a.edit(nil, func() ([]byte, error) { return m.Bytes(w) }))
		}
	}
	return edits
}
