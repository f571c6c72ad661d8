package onnxgraph_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A form is a way to store a tensor of some type.
type form struct {
	name string
	typ  onnxgraph.DataType
	num  protowire.Number
	wire protowire.Type // of one element
}

// forms lists every storage form of every type, as onnx.proto describes them.
func forms() []form {
	var out []form
	add := func(num protowire.Number, wire protowire.Type, types ...onnxgraph.DataType) {
		for _, t := range types {
			out = append(out, form{fmt.Sprintf("%v in field %d", t, num), t, num, wire})
		}
	}
	for t := onnxgraph.Float32; t <= onnxgraph.Int2; t++ {
		if t != onnxgraph.String {
			add(9, protowire.BytesType, t)
		}
	}
	add(4, protowire.Fixed32Type, onnxgraph.Float32, onnxgraph.Complex64)
	add(10, protowire.Fixed64Type, onnxgraph.Float64, onnxgraph.Complex128)
	add(7, protowire.VarintType, onnxgraph.Int64)
	add(11, protowire.VarintType, onnxgraph.Uint64, onnxgraph.Uint32)
	add(5, protowire.VarintType, onnxgraph.Int32, onnxgraph.Int16, onnxgraph.Int8, onnxgraph.Uint16, onnxgraph.Uint8,
		onnxgraph.Bool, onnxgraph.Float16, onnxgraph.BFloat16, onnxgraph.Float8E4M3FN, onnxgraph.Float8E4M3FNUZ,
		onnxgraph.Float8E5M2, onnxgraph.Float8E5M2FNUZ, onnxgraph.Float8E8M0, onnxgraph.Uint4, onnxgraph.Int4,
		onnxgraph.Float4E2M1, onnxgraph.Uint2, onnxgraph.Int2)
	return out
}

// entries cuts a raw layout into the numbers of the form's field.
func (f form) entries(raw []byte) []uint64 {
	size := max(f.typ.Size(), 1)
	switch f.typ {
	case onnxgraph.Complex64:
		size = 4
	case onnxgraph.Complex128:
		size = 8
	}
	var out []uint64
	for ; len(raw) > 0; raw = raw[size:] {
		v := uint64(0)
		for i := range size {
			v |= uint64(raw[i]) << (8 * i)
		}
		switch f.typ {
		case onnxgraph.Int8, onnxgraph.Int16, onnxgraph.Int32:
			v = uint64(int64(v<<(64-8*size)) >> (64 - 8*size))
		}
		out = append(out, v)
	}
	return out
}

// fields encodes a raw layout: packed in chunks of the given number of entries,
// or unpacked when that is 0.
func (f form) fields(raw []byte, chunk int) []byte {
	if f.wire == protowire.BytesType {
		return protowire.AppendBytes(protowire.AppendTag(nil, f.num, protowire.BytesType), raw)
	}
	element := func(b []byte, v uint64) []byte {
		switch f.wire {
		case protowire.Fixed32Type:
			return protowire.AppendFixed32(b, uint32(v))
		case protowire.Fixed64Type:
			return protowire.AppendFixed64(b, v)
		}
		return protowire.AppendVarint(b, v)
	}
	var out []byte
	if chunk == 0 {
		for _, v := range f.entries(raw) {
			out = element(protowire.AppendTag(out, f.num, f.wire), v)
		}
		return out
	}
	for part := range slices.Chunk(f.entries(raw), chunk) {
		var b []byte
		for _, v := range part {
			b = element(b, v)
		}
		out = protowire.AppendBytes(protowire.AppendTag(out, f.num, protowire.BytesType), b)
		// Something else stands between the chunks.
		out = protowire.AppendString(protowire.AppendTag(out, 12, protowire.BytesType), "doc")
	}
	return out
}

// random returns a raw layout of n elements whose unused bits are zero.
func (f form) random(rng *rand.Rand, n int) []byte {
	b := make([]byte, (n*f.typ.Bits()+7)/8)
	for i := range b {
		b[i] = byte(rng.Uint32())
		if f.typ == onnxgraph.Bool {
			b[i] &= 1
		}
	}
	if rest := n * f.typ.Bits() % 8; rest > 0 {
		b[len(b)-1] &= 1<<rest - 1
	}
	return b
}

// withPayload returns a model file with one tensor "w" of n elements that is
// followed by payload, and unknown fields around it.
func withPayload(t testing.TB, f form, n int64, payload []byte) []byte {
	t.Helper()
	w := tensor("w", f.typ, n)
	w.ProtoReflect().SetUnknown(append(slices.Clone(payload), unknown(99)...))
	m := chain(floats("before", 1, 2), w, floats("after", 3))
	m.ProtoReflect().SetUnknown(unknown(200))
	m.Graph.ProtoReflect().SetUnknown(unknown(201))
	return marshal(t, m)
}

func unknown(num protowire.Number) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), "of a later version")
}

// Every type in every storage form, whole or in pieces, is read alike, and is
// written back in the same field with everything else untouched.
func TestStorageForms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range forms() {
		const n = 300
		old, next := f.random(rng, n), f.random(rng, n)
		for _, chunk := range []int{n * 2, 7, 0} {
			name := fmt.Sprintf("%s, chunks of %d", f.name, chunk)
			file := withPayload(t, f, n, f.fields(old, chunk))
			m, err := onnxgraph.Parse(file, "")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w := weight(t, m, "w")
			if b, err := m.Bytes(w); err != nil || !bytes.Equal(b, old) {
				t.Fatalf("%s: read %x, %v, want %x", name, b, err, old)
			}
			var out bytes.Buffer
			if _, err := m.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), file) {
				t.Fatalf("%s: an unchanged model is written otherwise (%v)", name, err)
			}
			out.Reset()
			changed := put(t, m, "w", next)
			if _, err := changed.WriteTo(&out); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if b, err := changed.Bytes(w); err != nil || !bytes.Equal(b, next) {
				t.Fatalf("%s: replaced weight reads %x, %v, want %x", name, b, err, next)
			}
			if chunk == n*2 { // the canonical form: the file as if written with the new numbers
				want := withPayload(t, f, n, f.fields(next, chunk))
				if !bytes.Equal(out.Bytes(), want) {
					t.Fatalf("%s: replaced weight is written\n%x, want\n%x", name, out.Bytes(), want)
				}
			}
			again, err := onnxgraph.Parse(out.Bytes(), "")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if b, err := again.Bytes(weight(t, again, "w")); err != nil || !bytes.Equal(b, next) {
				t.Fatalf("%s: written and read again %x, %v, want %x", name, b, err, next)
			}
			pb := new(onnxpb.ModelProto)
			if err := proto.Unmarshal(out.Bytes(), pb); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(pb.ProtoReflect().GetUnknown()) == 0 || len(pb.Graph.Initializer[1].ProtoReflect().GetUnknown()) == 0 {
				t.Fatalf("%s: unknown fields are lost", name)
			}
			full, err := changed.Proto()
			if err != nil || !bytes.Equal(full.Graph.Initializer[1].RawData, next) {
				t.Fatalf("%s: message holds %x, %v, want %x", name, full.Graph.Initializer[1].RawData, err, next)
			}
		}
	}
}

// A payload that does not agree with type and shape is an error that names the
// tensor, at once or when it is read.
func TestPayloadSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, f := range forms() {
		for _, n := range []int64{0, 8, 40, 1 << 40, 1 << 62, -1} {
			file := withPayload(t, f, n, f.fields(f.random(rng, 16), 1000))
			m, err := onnxgraph.Parse(file, "")
			if err == nil {
				_, err = m.Bytes(weight(t, m, "w"))
			}
			if err == nil || !strings.Contains(err.Error(), `"w"`) {
				t.Errorf("%s: 16 elements for shape [%d]: error %v", f.name, n, err)
			}
		}
	}
}

// A content that fails, or has the wrong length, fails the write.
func TestContentErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, raw := range []bool{true, false} {
		w := floats("w", 1, 2, 3)
		if !raw {
			w.RawData, w.DataType, w.Int32Data = nil, proto.Int32(int32(onnxgraph.Int32)), []int32{1, 2, 3}
		}
		m := parse(t, chain(w))
		for _, c := range []onnxgraph.Content{
			func() ([]byte, error) { return nil, broken },
			func() ([]byte, error) { return make([]byte, 11), nil },
		} {
			n := m.With(map[*onnxgraph.Weight]onnxgraph.Content{m.Weights()[0]: c})
			if _, err := n.Bytes(m.Weights()[0]); err == nil {
				t.Error("Bytes: no error")
			}
			if _, err := n.WriteTo(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), `"w"`) {
				t.Errorf("WriteTo: error %v", err)
			}
			if _, err := n.Proto(); err == nil {
				t.Error("Proto: no error")
			}
		}
	}
}

// Data in two fields is refused rather than guessed at.
func TestTwoPayloads(t *testing.T) {
	w := floats("w", 1)
	w.FloatData = []float32{2}
	_, err := onnxgraph.Parse(marshal(t, chain(w)), "")
	if err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("error %v", err)
	}
}
