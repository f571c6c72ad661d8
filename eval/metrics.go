package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Interval is a 95 % confidence interval: the lower and the upper end.
type Interval [2]float64

// Metrics are how well a model does on a data set. Sums are accumulated in
// float64.
type Metrics struct {
	Samples  int
	Loss     float64 // the mean over all labels; cross-entropy in nats, or the squared error
	Accuracy float64 // fraction of labels whose class has the highest score; NaN for MSE
	Top5     float64 // fraction of labels among the five highest scores; NaN for five classes or fewer
	ECE      float64 // expected calibration error, over 15 bins of equal width (Guo et al. 2017); NaN for MSE
	Kind     Loss    // how the loss was computed

	LossInterval     Interval // by bootstrap over samples
	AccuracyInterval Interval

	// Confusion[i][j] counts the labels of class i that were given class j;
	// nil for MSE and for more than maxConfusion classes. Scores with a NaN
	// among them give no class.
	Confusion [][]int

	replicates replicates // of the bootstrap
}

const (
	maxConfusion    = 1024
	calibrationBins = 15
)

// finite is a number for JSON, nil when it is none that JSON has.
func finite(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

// list is the interval for JSON, nil where there is none: the zero one counts
// only when it was drawn.
func (i Interval) list(drawn bool) []any {
	if i == (Interval{}) && !drawn {
		return nil
	}
	return []any{finite(i[0]), finite(i[1])}
}

// MarshalJSON writes the metrics with stable keys. Those that do not exist for
// the loss are absent; a number that is not finite is null.
func (m *Metrics) MarshalJSON() ([]byte, error) {
	out := struct {
		Samples          int     `json:"samples"`
		Kind             Loss    `json:"kind"`
		Loss             any     `json:"loss"`
		LossInterval     []any   `json:"loss_interval,omitempty"`
		Accuracy         any     `json:"accuracy,omitempty"`
		AccuracyInterval []any   `json:"accuracy_interval,omitempty"`
		Top5             any     `json:"top5,omitempty"`
		ECE              any     `json:"ece,omitempty"`
		Confusion        [][]int `json:"confusion,omitempty"`
	}{Samples: m.Samples, Kind: m.Kind, Loss: finite(m.Loss), Confusion: m.Confusion,
		Accuracy: finite(m.Accuracy), Top5: finite(m.Top5), ECE: finite(m.ECE)}
	drawn := len(m.replicates) > 0
	out.LossInterval = m.LossInterval.list(drawn && !math.IsNaN(m.Loss))
	if m.Kind != LossMSE {
		out.AccuracyInterval = m.AccuracyInterval.list(drawn)
	}
	return json.Marshal(out)
}

// tally gathers the Metrics of one model.
type tally struct {
	kind          Loss
	ignore        []int64 // labels that do not count
	samples       int
	labels        int
	loss          float64
	correct, top5 int
	classes       int
	confusion     [][]int
	bins          [calibrationBins]struct {
		confidence float64
		correct    int
	}
	replicates replicates
}

// add counts sample i of s, whose labels are those of its places. Weights are
// those of the sample in each bootstrap replicate.
func (t *tally) add(s *scores, l labels, i int, weights []uint8) error {
	loss, hits, places := 0.0, 0, s.places
	for p := i * s.places; p < (i+1)*s.places; p++ {
		row := s.rows[p]
		if t.kind == LossMSE {
			loss += squaredError(row, l.targets[p*s.classes:])
			continue
		}
		y := l.classes[p]
		if slices.Contains(t.ignore, y) {
			places--
			continue
		}
		if y < 0 || y >= int64(s.classes) {
			return fmt.Errorf("label %d of sample %d is not one of the model's %d classes; --ignore-label %d leaves such labels out", y, t.samples, s.classes, y)
		}
		loss -= row[y]
		if t.addClass(row, int(y)) {
			hits++
		}
	}
	t.samples++
	t.labels += places
	t.loss += loss
	t.classes = s.classes
	t.replicates.add(places, loss, float64(hits), weights)
	return nil
}

func squaredError(row, target []float64) float64 {
	sum := 0.0
	for c, v := range row {
		sum += (v - target[c]) * (v - target[c])
	}
	return sum / float64(len(row))
}

// addClass counts one row of log-probabilities whose class is y and reports
// whether the highest one is y's. Of equal ones the first is the highest, and a
// NaN is none.
func (t *tally) addClass(row []float64, y int) bool {
	best, above := argmax(row), 0
	for c, v := range row {
		if v > row[y] || v == row[y] && c < y {
			above++
		}
	}
	hit := best == y && !math.IsNaN(row[y])
	if hit {
		t.correct++
	}
	if above < 5 && !math.IsNaN(row[y]) {
		t.top5++
	}
	if confidence := math.Exp(row[best]); !math.IsNaN(confidence) {
		bin := &t.bins[min(int(confidence*calibrationBins), calibrationBins-1)]
		bin.confidence += confidence
		if hit {
			bin.correct++
		}
	}
	if len(row) <= maxConfusion {
		if t.confusion == nil {
			t.confusion = make([][]int, len(row))
			for i := range t.confusion {
				t.confusion[i] = make([]int, len(row))
			}
		}
		if !slices.ContainsFunc(row, math.IsNaN) {
			t.confusion[y][best]++
		}
	}
	return hit
}

// argmax returns the place of the highest number, the first of equal ones.
func argmax(row []float64) int {
	best := 0
	for c, v := range row {
		if v > row[best] {
			best = c
		}
	}
	return best
}

// metrics sums up.
func (t *tally) metrics() *Metrics {
	n := float64(t.labels)
	m := &Metrics{Samples: t.samples, Kind: t.kind, Loss: t.loss / n, LossInterval: t.replicates.interval(func(r replicate) float64 { return r.loss }),
		Accuracy: math.NaN(), Top5: math.NaN(), ECE: math.NaN(), replicates: t.replicates}
	if t.kind == LossMSE {
		return m
	}
	m.Accuracy, m.Confusion = float64(t.correct)/n, t.confusion
	m.AccuracyInterval = t.replicates.interval(func(r replicate) float64 { return r.hits })
	if t.classes > 5 {
		m.Top5 = float64(t.top5) / n
	}
	m.ECE = 0
	for _, bin := range t.bins {
		m.ECE += math.Abs(bin.confidence-float64(bin.correct)) / n
	}
	return m
}
