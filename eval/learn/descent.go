package learn

import "math"

// descent is gradient descent with momentum. A weight's steps are in units of
// the root mean square of its numbers, its gradients in units of theirs so far:
// weights of all scales then move alike, while within a weight the elements that
// matter move more, as they should for sums of products to be compared.
type descent struct {
	rates  []float64   // the root mean square of each weight's numbers at first, times the rate
	moving [][]float32 // means of gradients, of the last ten or so
	square []float64   // mean square of a weight's gradients, of the last hundred or so
	steps  float64
}

// How much of a mean is kept in each step.
const (
	keepMoving = 0.9
	keepSquare = 0.99
)

func newDescent(rate float64, weights [][]float32) *descent {
	d := &descent{square: make([]float64, len(weights))}
	for _, w := range weights {
		d.rates = append(d.rates, rate*math.Sqrt(meanSquare(w)))
		d.moving = append(d.moving, make([]float32, len(w)))
	}
	return d
}

func meanSquare(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(1, len(x)))
}

// step moves weights against their gradients. The gradient of a weight that is
// not all numbers moves nothing.
func (d *descent) step(weights, gradients [][]float32) {
	d.steps++
	for i, g := range gradients {
		square := meanSquare(g)
		if math.IsNaN(square) || math.IsInf(square, 0) {
			continue
		}
		d.square[i] = keepSquare*d.square[i] + (1-keepSquare)*square
		if d.square[i] == 0 {
			continue
		}
		// Both means begin at 0, and are short of the truth by that at first.
		scale := math.Sqrt(d.square[i] / (1 - math.Pow(keepSquare, d.steps)))
		by := float32(d.rates[i] / scale / (1 - math.Pow(keepMoving, d.steps)))
		w, m := weights[i], d.moving[i]
		for k, x := range g {
			m[k] = keepMoving*m[k] + (1-keepMoving)*x
			w[k] -= by * m[k]
		}
	}
}
