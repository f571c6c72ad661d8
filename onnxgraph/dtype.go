package onnxgraph

import "strconv"

// DataType is an element type, numbered as TensorProto.DataType.
type DataType int32

// The element types of ONNX 1.20.
const (
	Undefined      DataType = 0
	Float32        DataType = 1
	Uint8          DataType = 2
	Int8           DataType = 3
	Uint16         DataType = 4
	Int16          DataType = 5
	Int32          DataType = 6
	Int64          DataType = 7
	String         DataType = 8
	Bool           DataType = 9
	Float16        DataType = 10
	Float64        DataType = 11
	Uint32         DataType = 12
	Uint64         DataType = 13
	Complex64      DataType = 14
	Complex128     DataType = 15
	BFloat16       DataType = 16
	Float8E4M3FN   DataType = 17
	Float8E4M3FNUZ DataType = 18
	Float8E5M2     DataType = 19
	Float8E5M2FNUZ DataType = 20
	Uint4          DataType = 21 // two to a byte, the first in the low half
	Int4           DataType = 22
	Float4E2M1     DataType = 23
	Float8E8M0     DataType = 24
	Uint2          DataType = 25 // four to a byte, the first in the lowest bits
	Int2           DataType = 26
)

// dataTypes holds the name and the width in bits of each DataType; a String
// has no width.
var dataTypes = [...]struct {
	name string
	bits int
}{
	Undefined: {"undefined", 0},
	Float32:   {"float32", 32}, Float64: {"float64", 64},
	Float16: {"float16", 16}, BFloat16: {"bfloat16", 16},
	Int8: {"int8", 8}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	Uint8: {"uint8", 8}, Uint16: {"uint16", 16}, Uint32: {"uint32", 32}, Uint64: {"uint64", 64},
	Bool: {"bool", 8}, String: {"string", 0},
	Complex64: {"complex64", 64}, Complex128: {"complex128", 128},
	Float8E4M3FN: {"float8e4m3fn", 8}, Float8E4M3FNUZ: {"float8e4m3fnuz", 8},
	Float8E5M2: {"float8e5m2", 8}, Float8E5M2FNUZ: {"float8e5m2fnuz", 8},
	Float8E8M0: {"float8e8m0", 8}, Float4E2M1: {"float4e2m1", 4},
	Uint4: {"uint4", 4}, Int4: {"int4", 4}, Uint2: {"uint2", 2}, Int2: {"int2", 2},
}

// String returns the type's name as in the operator documentation without
// "tensor()", such as "float32" or "int64".
func (t DataType) String() string {
	if t.known() {
		return dataTypes[t].name
	}
	return "type " + strconv.Itoa(int(t))
}

// Bits returns the width of one element in bits; 0 for String, Undefined and
// types this package does not know.
func (t DataType) Bits() int {
	if t.known() {
		return dataTypes[t].bits
	}
	return 0
}

// Size returns the width of one element in bytes; 0 when it is not a whole
// number of bytes.
func (t DataType) Size() int {
	if b := t.Bits(); b%8 == 0 {
		return b / 8
	}
	return 0
}

// IsFloat reports whether t is a floating-point type of 16 bits or more.
func (t DataType) IsFloat() bool {
	return t == Float32 || t == Float64 || t == Float16 || t == BFloat16
}

// IsInteger reports whether t is a signed or unsigned integer type of 8 bits or
// more; Bool is not.
func (t DataType) IsInteger() bool {
	switch t {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64:
		return true
	}
	return false
}

func (t DataType) known() bool { return t >= 0 && int(t) < len(dataTypes) }

// rawSize returns the number of bytes that n elements take in raw_data, and
// whether that is known and fits an int.
func (t DataType) rawSize(n int64) (int, bool) {
	bits := int64(t.Bits())
	if bits == 0 || n < 0 || n > (maxInt-7)/bits {
		return 0, false
	}
	return int((n*bits + 7) / 8), true
}

const maxInt = int64(^uint(0) >> 1)
