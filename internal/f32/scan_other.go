//go:build !amd64

package f32

import "math"

func relaxVectors[G Gain](s isa, base float64, gain []G, price, dist []float64, from []int32, row int32) (n, col int, least float64) {
	return 0, -1, math.Inf(1)
}

func aboveVectors[G Gain](s isa, found []int32, gain []G, price []float64, bound float64) (n, next int) {
	return 0, 0
}
