package eval

import (
	"encoding/json"
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

	LossAt, AccuracyAt             float64 // the λ of these
	MidpointLoss, MidpointAccuracy float64 // the same gaps at λ = ½; NaN without such a point

	LossInterval, AccuracyInterval                 Interval // zero when there was no bootstrap
	MidpointLossInterval, MidpointAccuracyInterval Interval

	drawn bool // there was a bootstrap
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
	nan := math.NaN()
	result := Barrier{Loss: math.Inf(-1), Accuracy: nan, AccuracyAt: nan, MidpointLoss: nan, MidpointAccuracy: nan}
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
		if accuracy > result.Accuracy || math.IsNaN(result.Accuracy) {
			result.Accuracy, result.AccuracyAt = accuracy, p.Lambda
		}
		if p.Lambda == 0.5 {
			result.MidpointLoss, result.MidpointAccuracy = loss, accuracy
		}
	}
	if math.IsInf(result.Loss, -1) {
		return Barrier{}, errors.New("eval: the barrier needs a point between λ = 0 and λ = 1")
	}
	return result, nil
}

// PathBarrier is BarrierOf for the metrics at each λ of a path, with the 95 %
// intervals of its numbers. Metrics of one data set and seed share their
// bootstrap draws, so what makes a sample hard for all models does not widen
// the intervals. A maximum over noisy points is biased upwards: a path that is
// flat has a barrier slightly above zero.
func PathBarrier(lambdas []float64, metrics []*Metrics) (Barrier, error) {
	points := make([]Point, len(lambdas))
	draws := math.MaxInt
	for i, m := range metrics {
		points[i] = Point{lambdas[i], m.Loss, m.Accuracy}
		draws = min(draws, len(m.replicates))
	}
	result, err := BarrierOf(points)
	if err != nil {
		return Barrier{}, err
	}
	var loss, accuracy, midLoss, midAccuracy []float64
	for r := range draws {
		for i, m := range metrics {
			one := m.replicates[r]
			points[i].Loss, points[i].Accuracy = one.loss/one.labels, one.hits/one.labels
		}
		b, _ := BarrierOf(points) // of points as good as those before
		loss, accuracy = append(loss, b.Loss), append(accuracy, b.Accuracy)
		midLoss, midAccuracy = append(midLoss, b.MidpointLoss), append(midAccuracy, b.MidpointAccuracy)
	}
	result.drawn = draws > 0
	result.LossInterval, result.MidpointLossInterval = intervalOf(loss), intervalOf(midLoss)
	if !math.IsNaN(result.Accuracy) {
		result.AccuracyInterval, result.MidpointAccuracyInterval = intervalOf(accuracy), intervalOf(midAccuracy)
	}
	return result, nil
}

// MarshalJSON writes the barrier with stable keys; what does not exist is
// absent, a number that is not finite null.
func (b Barrier) MarshalJSON() ([]byte, error) {
	out := struct {
		Loss                     any   `json:"loss"`
		LossAt                   any   `json:"loss_at"`
		LossInterval             []any `json:"loss_interval,omitempty"`
		Accuracy                 any   `json:"accuracy,omitempty"`
		AccuracyAt               any   `json:"accuracy_at,omitempty"`
		AccuracyInterval         []any `json:"accuracy_interval,omitempty"`
		MidpointLoss             any   `json:"midpoint_loss,omitempty"`
		MidpointLossInterval     []any `json:"midpoint_loss_interval,omitempty"`
		MidpointAccuracy         any   `json:"midpoint_accuracy,omitempty"`
		MidpointAccuracyInterval []any `json:"midpoint_accuracy_interval,omitempty"`
	}{
		finite(b.Loss), finite(b.LossAt), b.LossInterval.list(b.drawn), finite(b.Accuracy), finite(b.AccuracyAt),
		b.AccuracyInterval.list(b.drawn && !math.IsNaN(b.Accuracy)), finite(b.MidpointLoss), b.MidpointLossInterval.list(b.drawn && !math.IsNaN(b.MidpointLoss)),
		finite(b.MidpointAccuracy), b.MidpointAccuracyInterval.list(b.drawn && !math.IsNaN(b.MidpointAccuracy)),
	}
	return json.Marshal(out)
}

// Lambdas lists n places from 0 to 1 at equal distances, the ends included.
func Lambdas(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i) / float64(max(1, n-1))
	}
	return out
}
