package onnxgraph

import "math"

// fromFloat16 widens an IEEE 754 half-precision number, which is exact.
func fromFloat16(b uint16) float32 {
	sign := uint32(b>>15) << 31
	exp, man := uint32(b>>10&0x1f), uint32(b&0x3ff)
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | man<<13)
	case exp == 0: // man·2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(man)*0x1p-24))
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | man<<13)
}

// float8 returns what widens a number of one of the formats of at most 8 bits,
// or nil when t is none of them.
//
// A format has a sign bit, exp exponent bits of the given bias and man mantissa
// bits. FN formats have no infinity and one NaN, all bits set; FNUZ formats have
// a single NaN, in place of negative zero; Float8E8M0 is a power of two.
// Source: ONNX, "Float stored in 8 bits" and "4 bit types".
func float8(t DataType) func(uint8) float32 {
	switch t {
	case Float8E4M3FN:
		return func(b uint8) float32 { return mini(b, 8, 3, 7, b&0x7f == 0x7f) }
	case Float8E4M3FNUZ:
		return func(b uint8) float32 { return mini(b, 8, 3, 8, b == 0x80) }
	case Float8E5M2FNUZ:
		return func(b uint8) float32 { return mini(b, 8, 2, 16, b == 0x80) }
	case Float8E5M2: // the upper half of a float16
		return func(b uint8) float32 { return fromFloat16(uint16(b) << 8) }
	case Float4E2M1:
		return func(b uint8) float32 { return mini(b, 4, 1, 1, false) }
	case Float8E8M0:
		return func(b uint8) float32 {
			if b == 0xff {
				return float32(math.NaN())
			}
			return float32(math.Ldexp(1, int(b)-127))
		}
	}
	return nil
}

// mini widens a number of width bits, man of them mantissa.
func mini(b uint8, width, man, bias int, nan bool) float32 {
	if nan {
		return float32(math.NaN())
	}
	exp := int(b) >> man & (1<<(width-1-man) - 1)
	x := float64(int(b) & (1<<man - 1))
	if exp > 0 {
		x += float64(int(1) << man)
	}
	x = math.Ldexp(x, max(exp, 1)-bias-man)
	if b>>(width-1)&1 == 1 {
		x = -x
	}
	return float32(x)
}
