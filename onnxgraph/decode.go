package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// A fixed is an element type of Go with the layout of an ONNX one.
type fixed interface {
	~uint8 | ~int8 | ~uint16 | ~int16 | ~uint32 | ~int32 | ~uint64 | ~int64 | ~float32 | ~float64
}

// decode returns little-endian elements as a new slice, on any machine.
func decode[T fixed](raw []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	out := make([]T, len(raw)/size)
	if len(out) == 0 {
		return out
	}
	// The memory of out takes the bytes as they are; where the machine stores
	// numbers the other way round they are then turned in place.
	b := unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), len(out)*size)
	copy(b, raw)
	if !littleEndian && size > 1 {
		for i := 0; i < len(b); i += size {
			for lo, hi := i, i+size-1; lo < hi; lo, hi = lo+1, hi-1 {
				b[lo], b[hi] = b[hi], b[lo]
			}
		}
	}
	return out
}

// littleEndian says how this machine stores numbers.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// anyAddress says that this machine reads numbers at any address: payloads in
// model files stand where they happen to.
const anyAddress = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// Tensor returns the numbers of a weight as a Tensor that shares no memory with
// the model. What it read of a mapped file does not stay in memory.
func (m *Model) Tensor(w *Weight) (*Tensor, error) {
	t := &Tensor{Type: w.Type, Shape: make([]int, len(w.Shape))}
	for i, d := range w.Shape {
		t.Shape[i] = int(d)
	}
	if w.Type == String {
		s, err := m.strings(w)
		if err != nil {
			return nil, m.readError(w, err)
		}
		t.Data = s
		return t, nil
	}
	raw, err := m.Bytes(w)
	if err != nil {
		return nil, err
	}
	t.Data, err = decodeType(raw, w.Type, int(w.Elements()))
	m.Forget(raw)
	if err != nil {
		return nil, m.readError(w, err)
	}
	return t, nil
}

// decodeType returns n elements in the Go type that Tensor documents.
func decodeType(raw []byte, t DataType, n int) (any, error) {
	switch t {
	case Float32:
		return decode[float32](raw), nil
	case Float64:
		return decode[float64](raw), nil
	case Int8:
		return decode[int8](raw), nil
	case Int16:
		return decode[int16](raw), nil
	case Int32:
		return decode[int32](raw), nil
	case Int64:
		return decode[int64](raw), nil
	case Uint16, Float16, BFloat16:
		return decode[uint16](raw), nil
	case Uint32:
		return decode[uint32](raw), nil
	case Uint64:
		return decode[uint64](raw), nil
	case Uint8, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float8E8M0:
		return decode[uint8](raw), nil
	case Uint4, Uint2, Float4E2M1:
		return unpack(raw, t.Bits(), n), nil
	case Int4, Int2:
		shift := 8 - t.Bits()
		out := make([]int8, n)
		for i, b := range unpack(raw, t.Bits(), n) {
			out[i] = int8(b<<shift) >> shift
		}
		return out, nil
	case Bool:
		out := make([]bool, len(raw))
		for i, b := range raw {
			out[i] = b != 0
		}
		return out, nil
	}
	return nil, fmt.Errorf("elements of type %v are not decoded", t)
}

// unpack returns n elements narrower than a byte, one to a byte.
func unpack(raw []byte, bits, n int) []uint8 {
	out := make([]uint8, n)
	per := 8 / bits
	for i := range out {
		out[i] = raw[i/per] >> (i % per * bits) & (1<<bits - 1)
	}
	return out
}

// Float32s returns the numbers of a weight of any numeric type, rounded to
// float32.
func (m *Model) Float32s(w *Weight) ([]float32, error) { return numbers[float32](m, w) }

// Float32View is Float32s without a copy where the model holds the numbers the
// way this machine does: they must not be changed, nor used after Close. Done says
// that they are not needed for now, see Forget.
func (m *Model) Float32View(w *Weight) (v []float32, done func(), err error) {
	if w.Type == Float32 && littleEndian {
		raw, err := m.Bytes(w)
		if err != nil {
			return nil, nil, err
		}
		if at := unsafe.Pointer(unsafe.SliceData(raw)); len(raw) >= 4 && (anyAddress || uintptr(at)%unsafe.Alignof(float32(0)) == 0) {
			return unsafe.Slice((*float32)(at), len(raw)/4), func() { m.Forget(raw) }, nil
		}
	}
	v, err = m.Float32s(w)
	return v, func() {}, err
}

// Float64s returns the numbers of a weight of any numeric type.
func (m *Model) Float64s(w *Weight) ([]float64, error) { return numbers[float64](m, w) }

// Int64s returns the numbers of a weight of any numeric type; floating-point
// numbers lose their fraction.
func (m *Model) Int64s(w *Weight) ([]int64, error) { return numbers[int64](m, w) }

// numbers returns the elements of a weight converted to T.
func numbers[T int64 | float32 | float64](m *Model, w *Weight) ([]T, error) {
	t, err := m.Tensor(w)
	if err != nil {
		return nil, err
	}
	if same, ok := t.Data.([]T); ok {
		return same, nil
	}
	var widen func(uint16) float32
	switch w.Type {
	case Float16:
		widen = fromFloat16
	case BFloat16:
		widen = func(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
	}
	switch d := t.Data.(type) {
	case []float32:
		return convert[T](d), nil
	case []float64:
		return convert[T](d), nil
	case []int8:
		return convert[T](d), nil
	case []int16:
		return convert[T](d), nil
	case []int32:
		return convert[T](d), nil
	case []int64:
		return convert[T](d), nil
	case []uint32:
		return convert[T](d), nil
	case []uint64:
		return convert[T](d), nil
	case []uint8:
		if float8(w.Type) != nil {
			return mapped(d, func(b uint8) T { return T(float8(w.Type)(b)) }), nil
		}
		return convert[T](d), nil
	case []uint16:
		if widen != nil {
			return mapped(d, func(b uint16) T { return T(widen(b)) }), nil
		}
		return convert[T](d), nil
	case []bool:
		return mapped(d, func(b bool) T {
			if b {
				return 1
			}
			return 0
		}), nil
	}
	return nil, m.readError(w, fmt.Errorf("elements of type %v are not numbers", w.Type))
}

// convert returns the elements in another type.
func convert[T, S int64 | float32 | float64 | int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](in []S) []T {
	out := make([]T, len(in))
	for i, x := range in {
		out[i] = T(x)
	}
	return out
}
