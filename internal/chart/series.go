package chart

import (
	"io"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"gonum.org/v1/plot/vg"
)

// Series draws the barriers of loss and accuracy over training time. Title and
// format are as for Barrier.
func Series(w io.Writer, format, title string, points []rebasin.SeriesPoint) error {
	loss := panel{x: "training time", y: "loss barrier"}
	accuracy := panel{x: "training time", y: "accuracy barrier, percentage points"}
	if n := len(points); n > 0 {
		zero := line{name: "no barrier", style: stroke(greyColour, dotted), points: [][2]float64{{points[0].Time, 0}, {points[n-1].Time, 0}}}
		loss.lines, accuracy.lines = append(loss.lines, zero), append(accuracy.lines, zero)
	}
	suffix := ""
	if len(points) > 0 && points[0].TrainBarrier != nil {
		suffix = ", test"
	}
	addSeries(points, func(p rebasin.SeriesPoint) *rebasin.BarrierReport { return p.Barrier }, &loss, &accuracy, suffix, nil)
	if suffix != "" {
		addSeries(points, func(p rebasin.SeriesPoint) *rebasin.BarrierReport { return p.TrainBarrier }, &loss, &accuracy, ", train", dashed)
	}
	return drawTo(w, format, title, []panel{loss, accuracy})
}

// addSeries adds the barriers on one data set.
func addSeries(points []rebasin.SeriesPoint, on func(rebasin.SeriesPoint) *rebasin.BarrierReport, loss, accuracy *panel, suffix string, dashes []vg.Length) {
	for i, at := range []func(*rebasin.BarrierReport) *eval.Barrier{
		func(r *rebasin.BarrierReport) *eval.Barrier { return r.Naive },
		func(r *rebasin.BarrierReport) *eval.Barrier { return r.Aligned },
		func(r *rebasin.BarrierReport) *eval.Barrier { return r.Repaired },
	} {
		l := line{name: paths[i].name + suffix, style: stroke(paths[i].colour, dashes), marks: true}
		k := l
		for _, p := range points {
			if b := at(on(p)); b != nil {
				l.add(p.Time, b.Loss, b.LossInterval, 1)
				k.add(p.Time, b.Accuracy, b.AccuracyInterval, 100)
			}
		}
		if dashes != nil {
			l.band, k.band = nil, nil
		}
		if l.points != nil {
			loss.lines, accuracy.lines = append(loss.lines, l), append(accuracy.lines, k)
		}
	}
}
