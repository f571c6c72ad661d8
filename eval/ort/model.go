package ort

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// mostBytes is how large a message of protobuf may be.
const mostBytes = 1<<31 - 1

// New makes a session of a model, with the weights it has at the time.
//
// ONNX Runtime is given a copy of the whole model, external data included; the
// limit of protobuf, 2 GiB, applies to it.
func New(m *onnxgraph.Model, opts Options) (*Session, error) {
	name := m.Path
	if name == "" {
		name = "the model"
	}
	size := int64(0)
	for _, w := range m.Weights() {
		size += w.Elements() * int64(w.Type.Bits()) / 8
	}
	if size > mostBytes {
		return nil, fmt.Errorf("ort: %s has %d bytes of weights, and ONNX Runtime is given models in one message of 2 GiB at most", name, size)
	}
	build := func(extra []string) ([]byte, error) {
		p, err := m.Proto()
		if err != nil {
			return nil, err
		}
		for _, o := range extra {
			p.Graph.Output = append(p.Graph.Output, &onnxpb.ValueInfoProto{Name: proto.String(o)})
		}
		data, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("ort: encoding %s: %w", name, err)
		}
		return data, nil
	}
	return newSession(name, build, opts)
}
