//go:build !amd64

package solver

// The only family of filters, and the one in use.
var families, family = []int{0}, 0

// filterWide does nothing here.
func filterWide[G Gain](gain []G, price []float64, above float64, first int32, out []int32) (done, count int, bad bool) {
	return 0, 0, false
}
