package solver

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// wide reports whether the processor has what the filters need.
var wide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT

//go:noescape
func filter64AVX512(gain, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

//go:noescape
func filter32AVX512(gain *float32, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

// filterWide does the part of filter that comes in eights, and returns how much
// that is. A count below zero says that there is no room.
func filterWide[G Gain](gain []G, price []float64, above float64, first int32, out []int32) (done, count int, bad bool) {
	n := len(gain) &^ 7
	if !wide || n == 0 || len(out) < 8 {
		return 0, 0, false
	}
	_ = price[n-1]
	p := unsafe.Pointer(&gain[0])
	if unsafe.Sizeof(gain[0]) == 4 {
		count, bad = filter32AVX512((*float32)(p), &price[0], n, above, first, &out[0], len(out))
	} else {
		count, bad = filter64AVX512((*float64)(p), &price[0], n, above, first, &out[0], len(out))
	}
	return n, count, bad
}
