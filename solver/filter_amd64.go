package solver

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The families of filters, and those that the processor has what it takes for.
const (
	plain = iota
	avx2
	avx512
)

var (
	families = detect()
	family   = families[len(families)-1] // in use; tests lower it
)

func detect() []int {
	x := &cpu.X86
	switch {
	case !x.HasAVX2:
		return []int{plain}
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512BW && x.HasPOPCNT:
		return []int{plain, avx2, avx512}
	}
	return []int{plain, avx2}
}

//go:noescape
func filter64AVX2(gain, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

//go:noescape
func filter32AVX2(gain *float32, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

//go:noescape
func filter64AVX512(gain, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

//go:noescape
func filter32AVX512(gain *float32, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)

// filterWide does the part of filter that comes in eights, and returns how much
// that is. A count below zero says that there is no room.
func filterWide[G Gain](gain []G, price []float64, above float64, first int32, out []int32) (done, count int, bad bool) {
	n := len(gain) &^ 7
	if family == plain || n == 0 || len(out) < 8 {
		return 0, 0, false
	}
	_ = price[n-1]
	p := unsafe.Pointer(&gain[0])
	single, double := filter32AVX2, filter64AVX2
	if family == avx512 {
		single, double = filter32AVX512, filter64AVX512
	}
	if unsafe.Sizeof(gain[0]) == 4 {
		count, bad = single((*float32)(p), &price[0], n, above, first, &out[0], len(out))
	} else {
		count, bad = double((*float64)(p), &price[0], n, above, first, &out[0], len(out))
	}
	return n, count, bad
}
