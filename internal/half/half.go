// Package half converts the 16-bit floating-point formats of ONNX to float32
// and back. Widening is exact; narrowing rounds to nearest, ties to even.
package half

import "math"

// Float16 widens an IEEE 754 binary16 bit pattern.
func Float16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch {
	case exp == 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	// Zero or subnormal: frac · 2⁻²⁴ is exact in float32.
	f := float32(frac) * (1.0 / (1 << 24))
	return math.Float32frombits(math.Float32bits(f) | sign)
}

// ToFloat16 rounds f to binary16. Values beyond 65504 become infinity from
// 65520 on; a NaN stays a NaN.
func ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN, made quiet
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= 0x477ff000: // rounds to infinity
		return sign | 0x7c00
	case b < 0x33000001: // at most 2⁻²⁵, rounds to zero
		return sign
	case b < 0x38800000: // subnormal: in units of 2⁻²⁴
		shift := 126 - b>>23
		frac := b&0x7fffff | 0x800000
		return sign | uint16(roundShift(frac, shift))
	}
	return sign | uint16(roundShift(b-112<<23, 13))
}

// BFloat16 widens a bfloat16 bit pattern.
func BFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBFloat16 rounds f to bfloat16. A NaN stays a NaN.
func ToBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((uint64(b) + 0x7fff + uint64(b>>16&1)) >> 16)
}

// roundShift returns v / 2^shift rounded to nearest, ties to even.
func roundShift(v, shift uint32) uint32 {
	half := uint32(1) << (shift - 1)
	return (v + half - 1 + v>>shift&1) >> shift
}
