package rebasin

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// BarrierReport holds the barriers of the paths.
type BarrierReport struct {
	Naive    *eval.Barrier `json:"naive,omitempty"`
	Aligned  *eval.Barrier `json:"aligned,omitempty"`
	Repaired *eval.Barrier `json:"repaired,omitempty"`
}

// Report fills in what the barriers have to say.
func (b *Barriers) Report() Report {
	r := b.Alignment.Report()
	r.Backend, r.Hints, r.Repair = b.Backend, b.Hints(), b.Repair
	r.Curve, r.Barrier = b.Test.report()
	if b.Train != nil {
		r.TrainCurve, r.TrainBarrier = b.Train.report()
	}
	n := len(b.Test.Points)
	r.Eval = &EvalReport{Samples: b.Test.Samples, A: b.Test.Points[0].Naive, B: b.Test.Points[n-1].Naive}
	r.Hints = append(r.Hints, r.Eval.Hints(false, b.Repair != nil)...)
	return r
}

// report leaves out what is too long to have at every λ.
func (c *Curve) report() ([]CurvePoint, *BarrierReport) {
	points := make([]CurvePoint, len(c.Points))
	for i, p := range c.Points {
		points[i] = CurvePoint{p.Lambda, brief(p.Naive), brief(p.Aligned), brief(p.Repaired)}
	}
	return points, &BarrierReport{c.Naive, c.Aligned, c.Repaired}
}

func brief(m *eval.Metrics) *eval.Metrics {
	if m == nil {
		return nil
	}
	short := *m
	short.Confusion = nil
	return &short
}

// WriteCurveCSV writes the curves as a table: data set, path, λ, loss, accuracy
// and the ends of their 95 % intervals.
func WriteCurveCSV(w io.Writer, b *Barriers) error {
	t := csv.NewWriter(w)
	t.Write([]string{"data", "path", "lambda", "loss", "loss_low", "loss_high", "accuracy", "accuracy_low", "accuracy_high"})
	for _, set := range []struct {
		name  string
		curve *Curve
	}{{"test", b.Test}, {"train", b.Train}} {
		if set.curve == nil {
			continue
		}
		for _, p := range set.curve.Points {
			for _, path := range []struct {
				name string
				m    *eval.Metrics
			}{{"naive", p.Naive}, {"aligned", p.Aligned}, {"repaired", p.Repaired}} {
				if m := path.m; m != nil {
					t.Write(append([]string{set.name, path.name}, numbers(p.Lambda, m.Loss, m.LossInterval, m.Accuracy, m.AccuracyInterval)...))
				}
			}
		}
	}
	t.Flush()
	return t.Error()
}

// numbers are the fields of one row: where it is, loss and accuracy with the
// ends of their intervals. What is not a number, as the accuracy of measured
// targets, is empty.
func numbers(at, loss float64, lossEnds eval.Interval, accuracy float64, accuracyEnds eval.Interval) []string {
	var out []string
	for _, v := range [][2]float64{{at, at}, {loss, loss}, {lossEnds[0], loss}, {lossEnds[1], loss},
		{accuracy, accuracy}, {accuracyEnds[0], accuracy}, {accuracyEnds[1], accuracy}} {
		text := ""
		if !math.IsNaN(v[0]) && !math.IsNaN(v[1]) {
			text = strconv.FormatFloat(v[0], 'g', -1, 64)
		}
		out = append(out, text)
	}
	return out
}

// SeriesPoint is the barrier between two trainings at one time.
type SeriesPoint struct {
	Time         float64        `json:"time"`
	A            string         `json:"a"` // files
	B            string         `json:"b"`
	Barrier      *BarrierReport `json:"barrier"`
	TrainBarrier *BarrierReport `json:"train_barrier,omitempty"`
}

// WriteSeriesCSV writes a series as a table: data set, path, time, the two
// barriers and the ends of their 95 % intervals.
func WriteSeriesCSV(w io.Writer, points []SeriesPoint) error {
	t := csv.NewWriter(w)
	t.Write([]string{"data", "path", "time", "loss_barrier", "loss_low", "loss_high", "accuracy_barrier", "accuracy_low", "accuracy_high"})
	for _, p := range points {
		for _, set := range []struct {
			name    string
			barrier *BarrierReport
		}{{"test", p.Barrier}, {"train", p.TrainBarrier}} {
			if set.barrier == nil {
				continue
			}
			for _, path := range []struct {
				name string
				b    *eval.Barrier
			}{{"naive", set.barrier.Naive}, {"aligned", set.barrier.Aligned}, {"repaired", set.barrier.Repaired}} {
				if b := path.b; b != nil {
					t.Write(append([]string{set.name, path.name}, numbers(p.Time, b.Loss, b.LossInterval, b.Accuracy, b.AccuracyInterval)...))
				}
			}
		}
	}
	t.Flush()
	return t.Error()
}
