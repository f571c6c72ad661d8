package onnxgraph

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// Model is an ONNX model: a graph, and the numbers of its weights. A Model is
// never changed; With and WithMetadata return others that share all the rest.
// Its methods may be called from several goroutines at once.
type Model struct {
	Path            string // the file it was loaded from; "" for bytes from memory
	Graph           *Graph
	Opsets          map[string]int64 // operator set version by domain; "" is ai.onnx
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Domain          string
	Version         int64
	Doc             string

	file     *file
	weights  []*Weight
	contents map[*Weight]Content
	metadata []Property // as in the file
	added    []Property // given by WithMetadata
}

// Content computes the numbers of a weight: raw little-endian bytes, as in
// raw_data, for the weight's own Type and Shape. It is called whenever they are
// read or saved and must give the same bytes each time; callers do not change
// them.
type Content func() ([]byte, error)

// Property is an entry of a model's metadata.
type Property struct{ Key, Value string }

// Load opens a model file. A large file is mapped into memory, so that weights
// take up memory only while they are in use; Close releases the map. External
// data is looked up when a weight is read, and only in the model's own folder
// and below.
func Load(path string) (*Model, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", withPath(path, err))
	}
	m, err := newModel(f)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", withPath(path, errors.Join(err, f.close())))
	}
	return m, nil
}

// Parse reads a model from bytes, which must not change as long as it is used.
// External data is read from the folder dir; when dir is "" reading it is an
// error.
func Parse(data []byte, dir string) (*Model, error) {
	f, err := newFile(data, dir)
	if err != nil {
		return nil, fmt.Errorf("parse model: %w", err)
	}
	m, err := newModel(f)
	if err != nil {
		return nil, fmt.Errorf("parse model: %w", err)
	}
	return m, nil
}

// newModel builds the graph of a file.
func newModel(f *file) (*Model, error) {
	pb, err := f.skeleton()
	if err != nil {
		return nil, err
	}
	if err := f.checkOverlaps(); err != nil {
		return nil, err
	}
	m := &Model{
		Path: f.path, file: f,
		Opsets:    opsets(pb.GetOpsetImport()),
		IRVersion: pb.GetIrVersion(), Version: pb.GetModelVersion(),
		Producer: pb.GetProducerName(), ProducerVersion: pb.GetProducerVersion(),
		Domain: pb.GetDomain(), Doc: pb.GetDocString(),
	}
	for _, p := range pb.GetMetadataProps() {
		m.metadata = append(m.metadata, Property{p.GetKey(), p.GetValue()})
	}
	if pb.Graph == nil {
		return nil, errors.New("not an ONNX model: it has no graph")
	}
	m.Graph, m.weights, err = build(f, pb, m.Opsets)
	return m, err
}

// skeleton returns the file's message with each tensor's payload replaced by
// raw_data that holds the tensor's index.
func (f *file) skeleton(more ...edit) (*onnxpb.ModelProto, error) {
	p, err := newPatch(f.store, f.frames, slices.Concat(f.edits, skeleton(f.frames, f.sites), more))
	if err != nil {
		return nil, err
	}
	b, err := p.bytes()
	if err != nil {
		return nil, err
	}
	pb := new(onnxpb.ModelProto)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, pb); err != nil {
		return nil, fmt.Errorf("not an ONNX file, or a damaged one: %w", err)
	}
	return pb, nil
}

// Close releases what Load mapped. Neither the model, nor those made from it,
// nor slices that Bytes returned may be used afterwards. Closing twice is
// harmless.
func (m *Model) Close() error { return m.file.close() }

// Weights returns every dense constant tensor of the file in file order:
// initializers, Constant nodes and other tensor attributes, bodies and
// functions included.
func (m *Model) Weights() []*Weight { return m.weights }

// Metadata returns the model's metadata properties in file order, those of
// WithMetadata included.
func (m *Model) Metadata() []Property {
	out := slices.Clone(m.metadata)
	for _, p := range m.added {
		out = setProperty(out, p)
	}
	return out
}

// WithMetadata returns the model with properties added; one whose key is there
// already takes its place.
func (m *Model) WithMetadata(ps ...Property) *Model {
	n := *m
	n.added = slices.Clone(m.added)
	for _, p := range ps {
		n.added = setProperty(n.added, p)
	}
	return &n
}

// setProperty puts p in place of the properties with its key, or last.
func setProperty(ps []Property, p Property) []Property {
	i := slices.IndexFunc(ps, func(q Property) bool { return q.Key == p.Key })
	if i < 0 {
		return append(ps, p)
	}
	ps[i] = p
	rest := slices.DeleteFunc(ps[i+1:], func(q Property) bool { return q.Key == p.Key })
	return ps[:i+1+len(rest)]
}

// With returns the model with other numbers for some of its weights. A weight
// that cannot be replaced (see Weight.Replaceable) or that is not this model's
// is reported when it is read or the model is saved.
func (m *Model) With(contents map[*Weight]Content) *Model {
	n := *m
	n.contents = make(map[*Weight]Content, len(m.contents)+len(contents))
	maps.Copy(n.contents, m.contents)
	maps.Copy(n.contents, contents)
	return &n
}

// withPath makes sure an error names the file.
func withPath(path string, err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) && e.Path == path {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// opsets returns the operator set versions by domain. A file that imports none
// uses version 1 of ai.onnx.
func opsets(imports []*onnxpb.OperatorSetIdProto) map[string]int64 {
	out := map[string]int64{}
	for _, o := range imports {
		d := domain(o.GetDomain())
		out[d] = max(out[d], o.GetVersion())
	}
	if _, ok := out[""]; !ok {
		out[""] = 1
	}
	return out
}

// domain returns the canonical form of an operator domain.
func domain(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}
