package onnxgraph

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// entrySize returns how many bytes of the raw layout one entry of a typed
// payload field stands for, or 0 when a tensor of type t may not use the field.
// Types narrower than a byte are packed: one entry of int32_data holds a byte.
func entrySize(num protowire.Number, t DataType) int {
	switch num {
	case fieldFloatData:
		if t == Float32 || t == Complex64 {
			return 4
		}
	case fieldDoubleData:
		if t == Float64 || t == Complex128 {
			return 8
		}
	case fieldInt64Data:
		if t == Int64 {
			return 8
		}
	case fieldUint64Data:
		if t == Uint32 || t == Uint64 {
			return t.Size()
		}
	case fieldInt32Data:
		switch t {
		case Float32, Uint32: // these have fields of their own
			return 0
		}
		if b := t.Bits(); 0 < b && b <= 32 {
			return (b + 7) / 8
		}
	}
	return 0
}

// checkField returns an error when a tensor of type t may not use the field.
func checkField(num protowire.Number, t DataType) error {
	if num != fieldRawData && entrySize(num, t) == 0 {
		return fmt.Errorf("field %d cannot hold %v", num, t)
	}
	return nil
}

// elements yields the entries of a typed payload field: for varint and fixed
// fields the number, for the others the bytes, whether packed or not.
func (r run) elements(data []byte, yield func(uint64, []byte) error) error {
	typ := payload[r.num]
	return fields(data, r.span, func(f field) error {
		b := data[f.value:f.hi]
		if f.typ == protowire.BytesType && typ == protowire.BytesType {
			return yield(0, b)
		}
		for len(b) > 0 {
			var v uint64
			var n int
			switch typ {
			case protowire.Fixed32Type:
				var w uint32
				w, n = protowire.ConsumeFixed32(b)
				v = uint64(w)
			case protowire.Fixed64Type:
				v, n = protowire.ConsumeFixed64(b)
			default:
				v, n = protowire.ConsumeVarint(b)
			}
			if n < 0 {
				return fmt.Errorf("data at byte %d: %w", f.lo, protowire.ParseError(n))
			}
			if err := yield(v, nil); err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	})
}

// field returns the payload field the tensor uses: 0 when it has no data, an
// error when it has two.
func (t site) field(data []byte) (protowire.Number, error) {
	var num protowire.Number
	for _, r := range t.runs {
		if r.num == num || r.empty(data) {
			continue
		}
		if num != 0 {
			return 0, fmt.Errorf("it keeps data in two fields, %d and %d", num, r.num)
		}
		num = r.num
	}
	return num, nil
}

// empty reports whether the run is a single packed field without content.
func (r run) empty(data []byte) bool {
	return r.num != fieldStringData && r.hi-r.lo == 2 && data[r.hi-1] == 0
}

// contiguous returns the payload where it stands in the file, in the raw layout:
// for raw_data, and for a single packed field of fixed-width numbers.
func (t site) contiguous(data []byte, num protowire.Number) ([]byte, bool) {
	if num != fieldRawData && num != fieldFloatData && num != fieldDoubleData {
		return nil, false
	}
	var b []byte
	count := 0
	for _, r := range t.runs {
		if r.num != num {
			continue
		}
		fields(data, r.span, func(f field) error { // parsed before, cannot fail
			if f.typ == protowire.BytesType {
				b = data[f.value:f.hi:f.hi] // of several raw_data the last holds
			}
			count++
			return nil
		})
	}
	return b, count == 1 && b != nil || num == fieldRawData
}

// raw returns the payload in the raw layout, which takes size bytes. The result
// is part of data where that is possible.
func (t site) raw(data []byte, typ DataType, size int) ([]byte, error) {
	num, err := t.field(data)
	if err != nil {
		return nil, err
	}
	if num == 0 {
		return nil, sizeError(0, size)
	}
	if err := checkField(num, typ); err != nil {
		return nil, err
	}
	if b, ok := t.contiguous(data, num); ok {
		return b, sizeError(len(b), size)
	}
	entry := entrySize(num, typ)
	total := 0
	for _, r := range t.runs {
		total += r.hi - r.lo
	}
	if size/entry > total { // every entry takes a byte or more
		return nil, fmt.Errorf("%d bytes of data cannot hold %d elements", total, size/entry)
	}
	out := make([]byte, 0, size)
	for _, r := range t.runs {
		if r.num != num {
			continue
		}
		if err := r.elements(data, func(v uint64, _ []byte) error {
			if len(out)+entry > size {
				return fmt.Errorf("more data than the %d bytes of its type and shape", size)
			}
			out = appendEntry(out, v, entry)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, sizeError(len(out), size)
}

// sizeError returns an error unless got is want.
func sizeError(got, want int) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("it holds %d bytes of data, its type and shape need %d", got, want)
}

// appendEntry appends the low bytes of v.
func appendEntry(b []byte, v uint64, size int) []byte {
	switch size {
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, v)
}

// strings returns the elements of a tensor of strings.
func (t site) strings(data []byte, n int64) ([]string, error) {
	var out []string
	for _, r := range t.runs {
		if r.num != fieldStringData {
			continue
		}
		r.elements(data, func(_ uint64, b []byte) error { // cannot fail
			out = append(out, string(b))
			return nil
		})
	}
	if int64(len(out)) != n {
		return nil, fmt.Errorf("it holds %d strings, its shape needs %d", len(out), n)
	}
	return out, nil
}

// encode appends the packed content of payload field num for a tensor whose raw
// layout is b. It is the inverse of raw.
func encode(out []byte, num protowire.Number, t DataType, b []byte) []byte {
	entry := entrySize(num, t)
	if num == fieldRawData || payload[num] != protowire.VarintType || entry == 0 {
		return append(out, b...)
	}
	signed := t == Int8 || t == Int16 || t == Int32 || t == Int64
	for ; len(b) >= entry; b = b[entry:] {
		var v uint64
		for i := entry - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
		if shift := 64 - 8*entry; signed {
			v = uint64(int64(v<<shift) >> shift)
		}
		out = protowire.AppendVarint(out, v)
	}
	return out
}
