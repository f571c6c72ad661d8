package f32

import "math"

// lanes is the number of partial sums of a reduction. Element i belongs to lane i mod lanes; what is left after the
// last full round is added at the end, one by one. All kernels add in this order, so all give the same bits.
const lanes = 16

// Dot returns the sum of x[i]·y[i]. The products are exact and the sum is kept in float64.
func Dot(x, y []float32) float64 {
	sameLen("Dot", len(x), len(y))
	n := len(x) / lanes * lanes
	sum := current.dot(x[:n], y[:n])
	for i := n; i < len(x); i++ {
		sum += float64(x[i]) * float64(y[i])
	}
	return sum
}

// SquaredDistance returns the sum of (x[i]-y[i])², computed in float64.
func SquaredDistance(x, y []float32) float64 {
	sameLen("SquaredDistance", len(x), len(y))
	n := len(x) / lanes * lanes
	sum := current.distance(x[:n], y[:n])
	for i := n; i < len(x); i++ {
		d := float64(x[i]) - float64(y[i])
		sum += float64(d * d)
	}
	return sum
}

// Sum returns the sum of x in float64.
func Sum(x []float32) float64 {
	n := len(x) / lanes * lanes
	sum := current.sum64(x[:n])
	for _, v := range x[n:] {
		sum += float64(v)
	}
	return sum
}

// Max returns the greatest element of x, NaN if one is NaN, -Inf if there is none.
func Max(x []float32) float32 {
	n, most := current.max(x)
	for _, v := range x[n:] {
		most = max(most, v)
	}
	return most
}

// addLanes adds lanes 4 apart, then quarters, halves and the last two.
func addLanes(s *[lanes]float64) float64 {
	var q [4]float64
	for i := range q {
		q[i] = (s[i] + s[i+4]) + (s[i+8] + s[i+12])
	}
	return (q[0] + q[2]) + (q[1] + q[3])
}

func dotGo(x, y []float32) float64 {
	var s [lanes]float64
	for i := 0; i+lanes <= len(x); i += lanes {
		a, b := (*[lanes]float32)(x[i:]), (*[lanes]float32)(y[i:])
		for l := range s {
			s[l] += float64(a[l]) * float64(b[l])
		}
	}
	return addLanes(&s)
}

func distanceGo(x, y []float32) float64 {
	var s [lanes]float64
	for i := 0; i+lanes <= len(x); i += lanes {
		a, b := (*[lanes]float32)(x[i:]), (*[lanes]float32)(y[i:])
		for l := range s {
			d := float64(a[l]) - float64(b[l])
			s[l] += float64(d * d)
		}
	}
	return addLanes(&s)
}

func sumGo(x []float32) float64 {
	var s [lanes]float64
	for i := 0; i+lanes <= len(x); i += lanes {
		a := (*[lanes]float32)(x[i:])
		for l := range s {
			s[l] += float64(a[l])
		}
	}
	return addLanes(&s)
}

var minusInf = float32(math.Inf(-1))
