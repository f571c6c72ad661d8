package f32

import (
	"math"
	"unsafe"
)

// relaxation is the arguments of a relax kernel and what it returns for each of its lanes.
type relaxation struct {
	gain  unsafe.Pointer // float32 or float64, by kernel
	price *float64
	dist  *float64
	from  *int32
	n     int // a multiple of 8, not 0
	base  float64
	row   int32
	least [8]float64 // +Inf in lanes that found nothing; AVX2 has only the first four
	col   [8]int64
}

//go:noescape
func relax32AVX512(r *relaxation)

//go:noescape
func relax64AVX512(r *relaxation)

//go:noescape
func relax32AVX2(r *relaxation)

//go:noescape
func relax64AVX2(r *relaxation)

//go:noescape
func above32AVX512(found *int32, room int, gain *float32, price *float64, n int, bound float64) (count, next int)

//go:noescape
func above64AVX512(found *int32, room int, gain, price *float64, n int, bound float64) (count, next int)

//go:noescape
func above32AVX2(found *int32, room int, gain *float32, price *float64, n int, bound float64) (count, next int)

//go:noescape
func above64AVX2(found *int32, room int, gain, price *float64, n int, bound float64) (count, next int)

// relaxVectors does Relax for the first n columns.
func relaxVectors[G Gain](s isa, base float64, gain []G, price, dist []float64, from []int32, row int32) (n, col int, least float64) {
	col, least = -1, math.Inf(1)
	n = s.vectors(len(gain))
	if n == 0 {
		return n, col, least
	}
	r := relaxation{gain: unsafe.Pointer(&gain[0]), price: &price[0], dist: &dist[0], from: &from[0], n: n, base: base, row: row}
	for i := range r.least {
		r.least[i] = least
	}
	single := unsafe.Sizeof(gain[0]) == 4
	switch {
	case s == avx512 && single:
		relax32AVX512(&r)
	case s == avx512:
		relax64AVX512(&r)
	case single:
		relax32AVX2(&r)
	default:
		relax64AVX2(&r)
	}
	for i, d := range r.least {
		if j := int(r.col[i]); d < least || d == least && col >= 0 && j < col {
			col, least = j, d
		}
	}
	return n, col, least
}

// aboveVectors does Above for the first columns.
func aboveVectors[G Gain](s isa, found []int32, gain []G, price []float64, bound float64) (n, next int) {
	if s == portable || len(gain) < 8 || len(found) < 8 {
		return 0, 0
	}
	switch g := any(gain).(type) {
	case []float32:
		if s == avx512 {
			return above32AVX512(&found[0], len(found), &g[0], &price[0], len(g), bound)
		}
		return above32AVX2(&found[0], len(found), &g[0], &price[0], len(g), bound)
	case []float64:
		if s == avx512 {
			return above64AVX512(&found[0], len(found), &g[0], &price[0], len(g), bound)
		}
		return above64AVX2(&found[0], len(found), &g[0], &price[0], len(g), bound)
	}
	return 0, 0
}
