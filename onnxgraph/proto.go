package onnxgraph

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// Proto returns the model as a message of its own, which is what runtimes are
// given: with the contents of replaced weights and the added metadata, and
// nothing left outside. Every tensor but those of strings has its elements in
// raw_data, external ones included, which is part of the mapped file where that
// is possible: it must not be changed, nor used after Close. Training
// information is left out.
func (m *Model) Proto() (*onnxpb.ModelProto, error) {
	pb, err := m.message()
	if err != nil {
		return nil, fmt.Errorf("model message: %w", err)
	}
	return pb, nil
}

func (m *Model) message() (*onnxpb.ModelProto, error) {
	if err := m.file.alive(); err != nil {
		return nil, err
	}
	edits, err := m.metadataEdits()
	if err != nil {
		return nil, err
	}
	pb, err := m.file.skeleton(edits...)
	if err != nil {
		return nil, err
	}
	pb.TrainingInfo = nil
	replaced := map[int]*Weight{}
	for w := range m.contents {
		if err := m.check(w); err != nil {
			return nil, fmt.Errorf("weight %q: %w", w.Name, err)
		}
		replaced[w.index] = w
	}
	err = tensors(pb.ProtoReflect(), func(t *onnxpb.TensorProto) error {
		i := siteIndex(t)
		t.RawData = nil
		var err error
		if w := replaced[i]; w != nil {
			t.RawData, err = m.bytes(w)
		} else {
			err = m.file.fill(t, i)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.GetName(), err)
		}
		t.DataLocation, t.ExternalData = nil, nil
		return nil
	})
	return pb, err
}

// fill sets the elements of t to those of tensor i.
func (f *file) fill(t *onnxpb.TensorProto, i int) error {
	typ := DataType(t.GetDataType())
	if typ.Bits() == 0 { // strings, and types unknown here, stay in their fields
		at := f.frames[f.sites[i].frame].span
		return proto.Unmarshal(f.data[at.lo:at.hi], t)
	}
	if err := checkShape(typ, t.GetDims()); err != nil {
		return err
	}
	w := Weight{Type: typ, Shape: t.GetDims()}
	var err error
	t.RawData, err = f.tensor(i, typ, w.size())
	return err
}

// tensors calls f for every TensorProto in a message.
func tensors(m protoreflect.Message, f func(*onnxpb.TensorProto) error) error {
	if t, ok := m.Interface().(*onnxpb.TensorProto); ok {
		return f(t)
	}
	var err error
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = tensors(v.List().Get(i).Message(), f)
			}
		default:
			err = tensors(v.Message(), f)
		}
		return err == nil
	})
	return err
}
