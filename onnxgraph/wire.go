package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// maxDepth bounds the nesting of messages, as the C++ reader of ONNX does.
const maxDepth = 100

// A span is the bytes lo to hi of a file.
type span struct{ lo, hi int }

// A frame is one message inside another: its bytes, and where its length is
// written, just before them.
type frame struct {
	span
	length int // offset of the length, a varint that ends at lo
	parent int // index of the message around it, or root
}

// root stands for the whole file as the parent of a frame.
const root = -1

// A site is one TensorProto of a file.
type site struct {
	frame    int          // index of its frame
	runs     []run        // where its payload is, in file order
	external bool         // it lists external data
	added    *addedWeight // one that Edit put in: it has neither frame nor runs
}

// A run is a stretch of adjacent fields of one number that belong to a tensor's
// payload: one packed or raw field, or one field for each element.
type run struct {
	span
	num protowire.Number
}

// Field numbers of TensorProto.
const (
	fieldFloatData  protowire.Number = 4
	fieldInt32Data  protowire.Number = 5
	fieldStringData protowire.Number = 6
	fieldInt64Data  protowire.Number = 7
	fieldRawData    protowire.Number = 9
	fieldDoubleData protowire.Number = 10
	fieldUint64Data protowire.Number = 11
	fieldExternal   protowire.Number = 13
)

// payload holds the wire type of one element of each payload field.
var payload = map[protowire.Number]protowire.Type{
	fieldFloatData: protowire.Fixed32Type, fieldDoubleData: protowire.Fixed64Type,
	fieldInt32Data: protowire.VarintType, fieldInt64Data: protowire.VarintType,
	fieldUint64Data: protowire.VarintType,
	fieldStringData: protowire.BytesType, fieldRawData: protowire.BytesType,
}

// A schema is what the scanner knows of a message type: the fields that may
// lead to a tensor.
type schema struct {
	name   protoreflect.Name
	tensor bool
	fields map[protowire.Number]link
}

// A link is a field of message type.
type link struct {
	name   protoreflect.Name
	to     *schema
	single bool // may stand only once
}

var modelSchema = sync.OnceValue(func() *schema {
	model := (*onnxpb.ModelProto)(nil).ProtoReflect().Descriptor()
	return newSchema(model, map[protoreflect.FullName]*schema{})
})

func newSchema(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]*schema) *schema {
	if s := seen[d.FullName()]; s != nil {
		return s
	}
	s := &schema{name: d.Name(), tensor: d.Name() == "TensorProto", fields: map[protowire.Number]link{}}
	seen[d.FullName()] = s
	for i := 0; i < d.Fields().Len() && !s.tensor; i++ {
		if f := d.Fields().Get(i); f.Message() != nil {
			s.fields[f.Number()] = link{f.Name(), newSchema(f.Message(), seen), !f.IsList()}
		}
	}
	return s
}

// A scanner walks the wire bytes of a ModelProto and notes where its tensors
// are, without reading what they hold. It allocates in proportion to the number
// of tensors.
type scanner struct {
	data   []byte
	frames []frame
	sites  []site
	open   []openFrame
}

// An openFrame is a message the scanner is inside of; id is its index in
// frames, or -1 until a tensor is found in it.
type openFrame struct {
	frame
	id int
}

// scan finds the tensors of a file.
func scan(data []byte) (*scanner, error) {
	s := &scanner{data: data}
	return s, s.message(modelSchema(), span{0, len(data)})
}

// message walks the fields of one message.
func (s *scanner) message(sc *schema, at span) error {
	if len(s.open) > maxDepth {
		return fmt.Errorf("messages nested deeper than %d at byte %d", maxDepth, at.lo)
	}
	if sc.tensor {
		return s.tensor(at)
	}
	var seen uint64
	return fields(s.data, at, func(f field) error {
		l, ok := sc.fields[f.num]
		if !ok || f.typ != protowire.BytesType {
			return nil
		}
		if bit := uint64(1) << (f.num % 64); l.single && f.num < 64 {
			if seen&bit != 0 {
				return fmt.Errorf("%s holds two of the field %s at byte %d", sc.name, l.name, f.lo)
			}
			seen |= bit
		}
		fr := frame{span: span{f.value, f.hi}, length: f.afterTag, parent: root}
		s.open = append(s.open, openFrame{fr, -1})
		err := s.message(l.to, fr.span)
		s.open = s.open[:len(s.open)-1]
		return err
	})
}

// tensor notes one TensorProto and where its payload is.
func (s *scanner) tensor(at span) error {
	t := site{frame: s.intern()}
	err := fields(s.data, at, func(f field) error {
		if f.num == fieldExternal {
			t.external = true
		}
		typ, ok := payload[f.num]
		if !ok || f.typ != typ && f.typ != protowire.BytesType {
			return nil
		}
		if n := len(t.runs); n > 0 && t.runs[n-1].num == f.num && t.runs[n-1].hi == f.lo {
			t.runs[n-1].hi = f.hi
		} else {
			t.runs = append(t.runs, run{span{f.lo, f.hi}, f.num})
		}
		return nil
	})
	s.sites = append(s.sites, t)
	return err
}

// intern gives every open message a place in frames and returns the
// innermost's.
func (s *scanner) intern() int {
	parent := root
	for i := range s.open {
		o := &s.open[i]
		if o.id < 0 {
			o.parent, o.id = parent, len(s.frames)
			s.frames = append(s.frames, o.frame)
		}
		parent = o.id
	}
	return parent
}

// A field is one field of a message: its bytes with the tag, and where the tag
// and the length (of a length-delimited one) end.
type field struct {
	span
	num      protowire.Number
	typ      protowire.Type
	afterTag int
	value    int
}

// fields calls f for each field of the message at the given place. It fails on
// a field that does not fit.
func fields(data []byte, at span, f func(field) error) error {
	for pos := at.lo; pos < at.hi; {
		num, typ, n := protowire.ConsumeTag(data[pos:at.hi])
		if n < 0 {
			return fmt.Errorf("no valid field at byte %d: %w", pos, protowire.ParseError(n))
		}
		fl := field{span{pos, 0}, num, typ, pos + n, pos + n}
		n = protowire.ConsumeFieldValue(num, typ, data[fl.afterTag:at.hi])
		if n < 0 {
			return fmt.Errorf("field %d at byte %d does not end: %w", num, pos, protowire.ParseError(n))
		}
		fl.hi = fl.afterTag + n
		if typ == protowire.BytesType {
			_, n = protowire.ConsumeVarint(data[fl.afterTag:fl.hi])
			fl.value = fl.afterTag + n
		}
		if err := f(fl); err != nil {
			return err
		}
		pos = fl.hi
	}
	return nil
}

// skeleton returns the edits that turn a file into one without payloads: every
// tensor's is replaced by raw_data that holds the tensor's index.
func skeleton(frames []frame, sites []site) []edit {
	edits := make([]edit, 0, 2*len(sites))
	for i, t := range sites {
		if t.added != nil {
			edits = append(edits, t.added.edit(mark(i), nil))
			continue
		}
		for _, r := range t.runs {
			edits = append(edits, edit{frame: t.frame, span: r.span})
		}
		b := protowire.AppendTag(nil, fieldRawData, protowire.BytesType)
		b = protowire.AppendBytes(b, mark(i))
		edits = append(edits, insert(t.frame, frames[t.frame].hi, b))
	}
	return edits
}

// mark returns what the skeleton has in place of the payload of tensor i.
func mark(i int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(i)) }

// siteIndex returns the index that the skeleton put into a tensor.
func siteIndex(t *onnxpb.TensorProto) int {
	return int(binary.LittleEndian.Uint64(t.GetRawData()))
}
