package f32

import "math"

// Gain is a type of gains in an assignment problem. Arithmetic is in float64 for both.
type Gain interface{ float32 | float64 }

// Relax is the inner loop of shortest augmenting paths: it offers every column a path through one row,
//
//	d = base - (gain[j] - price[j])
//	if d < dist[j]: dist[j] = d, from[j] = row
//
// and returns the nearest column and its distance, the first of several. Columns with dist = -Inf have been passed:
// they stay as they are and are never returned. When none is at a finite distance it returns -1, +Inf. There must be no
// NaN. The result is the same for all kernels. Cost: one pass.
func Relax[G Gain](base float64, gain []G, price, dist []float64, from []int32, row int32) (col int, least float64) {
	sameLen("Relax", len(gain), len(price), len(dist), len(from))
	n, col, least := relaxVectors(current, base, gain, price, dist, from, row)
	for j := n; j < len(gain); j++ {
		d := base - (float64(gain[j]) - price[j])
		if d < dist[j] {
			dist[j], from[j] = d, row
		}
		if d = dist[j]; d < least && d > math.Inf(-1) {
			col, least = j, d
		}
	}
	return col, least
}

// Above collects the columns of a row with gain[j] - price[j] > bound, in order, for as long as found has room. It
// returns how many there are and the first column it has not looked at. The result is the same for all kernels.
// Cost: one pass.
func Above[G Gain](found []int32, gain []G, price []float64, bound float64) (n, next int) {
	sameLen("Above", len(gain), len(price))
	n, next = aboveVectors(current, found, gain, price, bound)
	for ; next < len(gain) && n < len(found); next++ {
		if float64(gain[next])-price[next] > bound {
			found[n] = int32(next)
			n++
		}
	}
	return n, next
}
