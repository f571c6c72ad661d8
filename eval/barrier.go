package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Point is a place on the path between two models: (1-λ)A + λB.
type Point struct {
	Lambda, Loss, Accuracy float64
}

// Barrier is how far a path rises above the straight line between its ends.
// Both numbers are signed: below zero, the path is better than the line
// everywhere inside. The ends themselves are left out.
type Barrier struct {
	Loss     float64 // max over λ of L(λ) - ((1-λ)·L(0) + λ·L(1))
	Accuracy float64 // max over λ of (1-λ)·acc(0) + λ·acc(1) - acc(λ)

	LossAt, AccuracyAt          float64 // the λ of these
	MidpointLoss, MidpointError float64 // the same gaps at λ = ½; NaN without such a point
}

// BarrierOf computes the barrier of a path (Frankle et al. 2020, Git Re-Basin
// definition 2.1). The points must have the ends λ = 0 and λ = 1 and at least
// one between; their order does not matter. A loss that is not finite makes the
// barrier infinite.
func BarrierOf(points []Point) (Barrier, error) {
	end := func(lambda float64) (Point, error) {
		i := slices.IndexFunc(points, func(p Point) bool { return p.Lambda == lambda })
		if i < 0 {
			return Point{}, fmt.Errorf("eval: the barrier needs a point at λ = %g", lambda)
		}
		return points[i], nil
	}
	a, errA := end(0)
	b, errB := end(1)
	if err := errors.Join(errA, errB); err != nil {
		return Barrier{}, err
	}
	result := Barrier{Loss: math.Inf(-1), Accuracy: math.Inf(-1), MidpointLoss: math.NaN(), MidpointError: math.NaN()}
	for _, p := range points {
		if p.Lambda <= 0 || p.Lambda >= 1 {
			continue
		}
		loss := p.Loss - ((1-p.Lambda)*a.Loss + p.Lambda*b.Loss)
		if math.IsNaN(loss) {
			loss = math.Inf(1)
		}
		accuracy := (1-p.Lambda)*a.Accuracy + p.Lambda*b.Accuracy - p.Accuracy
		if loss > result.Loss {
			result.Loss, result.LossAt = loss, p.Lambda
		}
		if accuracy > result.Accuracy {
			result.Accuracy, result.AccuracyAt = accuracy, p.Lambda
		}
		if p.Lambda == 0.5 {
			result.MidpointLoss, result.MidpointError = loss, accuracy
		}
	}
	if math.IsInf(result.Loss, -1) {
		return Barrier{}, errors.New("eval: the barrier needs a point between λ = 0 and λ = 1")
	}
	return result, nil
}

// Lambdas lists n places from 0 to 1 at equal distances, the ends included.
func Lambdas(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i) / float64(max(1, n-1))
	}
	return out
}
