package chart

import (
	"image/color"
	"io"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"gonum.org/v1/plot/vg"
)

// path is one of the paths of a CurvePoint.
type path struct {
	name   string
	colour color.Color
	at     func(rebasin.CurvePoint) *eval.Metrics
}

var paths = []path{
	{"naive", naiveColour, func(p rebasin.CurvePoint) *eval.Metrics { return p.Naive }},
	{"aligned", alignedColour, func(p rebasin.CurvePoint) *eval.Metrics { return p.Aligned }},
	{"aligned and repaired", repairedColour, func(p rebasin.CurvePoint) *eval.Metrics { return p.Repaired }},
}

// Barrier draws loss and accuracy along λ, those on training data dashed, with
// 95 % intervals on the test data as bands, and the straight line between the ends, above which a loss is a barrier. The title
// stands above; format is one of Formats.
func Barrier(w io.Writer, format, title string, b *rebasin.Barriers) error {
	loss := panel{x: "λ, the part of B", y: "loss"}
	accuracy := panel{x: "λ, the part of B", y: "accuracy, %"}
	suffix := ""
	if b.Train != nil {
		suffix = ", test"
	}
	addCurve(b.Test, &loss, &accuracy, suffix, nil)
	if b.Train != nil {
		addCurve(b.Train, &loss, &accuracy, ", train", dashed)
	}
	panels := []panel{loss}
	if accuracy.finite() {
		panels = append(panels, accuracy)
	}
	return drawTo(w, format, title, panels)
}

// addCurve adds the paths of a curve to the panels of loss and accuracy.
func addCurve(c *rebasin.Curve, loss, accuracy *panel, suffix string, dashes []vg.Length) {
	if n := len(c.Points); n > 1 && dashes == nil {
		a, b := c.Points[0].Naive, c.Points[n-1].Naive
		between := line{name: "line between the ends", style: stroke(greyColour, dotted)}
		between.points = [][2]float64{{0, a.Loss}, {1, b.Loss}}
		loss.lines = append(loss.lines, between)
		between.points = [][2]float64{{0, 100 * a.Accuracy}, {1, 100 * b.Accuracy}}
		accuracy.lines = append(accuracy.lines, between)
	}
	for _, p := range paths {
		l := line{name: p.name + suffix, style: stroke(p.colour, dashes)}
		k := l
		for _, at := range c.Points {
			m := p.at(at)
			if m == nil {
				continue
			}
			l.add(at.Lambda, m.Loss, m.LossInterval, 1)
			k.add(at.Lambda, m.Accuracy, m.AccuracyInterval, 100)
		}
		if dashes != nil {
			l.band, k.band = nil, nil
		}
		if l.points != nil {
			loss.lines, accuracy.lines = append(loss.lines, l), append(accuracy.lines, k)
		}
	}
}

// add adds a point and, where there is one, its interval, in units of scale.
func (l *line) add(x, y float64, interval eval.Interval, scale float64) {
	l.points = append(l.points, [2]float64{x, scale * y})
	if interval != (eval.Interval{}) && isFinite(interval[0]) && isFinite(interval[1]) {
		l.band = append(l.band, [2][2]float64{{x, scale * interval[0]}, {x, scale * interval[1]}})
	}
}

// finite reports whether the panel has anything to draw.
func (p panel) finite() bool {
	for _, l := range p.lines {
		for _, at := range l.points {
			if isFinite(at[1]) {
				return true
			}
		}
	}
	return false
}
