package report

import (
	"fmt"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// paths are those that a curve may have between two models.
var paths = []struct {
	class, name string
	at          func(rebasin.CurvePoint) *eval.Metrics
}{
	{"naive", "naive average", func(p rebasin.CurvePoint) *eval.Metrics { return p.Naive }},
	{"aligned", "aligned", func(p rebasin.CurvePoint) *eval.Metrics { return p.Aligned }},
	{"repaired", "aligned and repaired", func(p rebasin.CurvePoint) *eval.Metrics { return p.Repaired }},
}

// measure is what a plot has on its vertical axis.
type measure struct {
	name  string
	scale float64
	value func(*eval.Metrics) (float64, eval.Interval)
}

var measures = []measure{
	{"loss", 1, func(m *eval.Metrics) (float64, eval.Interval) { return m.Loss, m.LossInterval }},
	{"accuracy, %", 100, func(m *eval.Metrics) (float64, eval.Interval) { return m.Accuracy, m.AccuracyInterval }},
}

// at is the measure of a model at λ.
func (m measure) at(lambda float64, metrics *eval.Metrics) value {
	v, ends := m.value(metrics)
	return value{lambda, m.scale * v, scaled(ends, m.scale)}
}

func scaled(ends eval.Interval, by float64) eval.Interval {
	return eval.Interval{by * ends[0], by * ends[1]}
}

// curves draws loss and accuracy along λ, nil where there is no curve.
func curves(r *rebasin.Report) *plots {
	if len(r.Curve) < 2 {
		return nil
	}
	var out plots
	dot := merged(r)
	for _, m := range measures {
		tracks := m.tracks(r.Curve)
		var dots []value
		if dot != nil {
			dots = append(dots, m.at(*r.Lambda, dot))
		}
		p := newPlot(m.name, "λ, the part of B", tracks, dots...)
		if p == nil {
			continue
		}
		p.Summary = m.summary(r.Curve)
		p.marks(0, 0.25, 0.5, 0.75, 1)
		for _, x := range dots {
			p.dot("dot", "merged model", x)
		}
		out.Charts = append(out.Charts, p)
		out.Legend = legend(tracks)
	}
	if out.Charts == nil {
		return nil
	}
	if dot != nil {
		out.Legend = append(out.Legend, legendEntry{"dot", "merged model"})
	}
	return &out
}

// tracks are the paths there are.
func (m measure) tracks(curve []rebasin.CurvePoint) []track {
	var out []track
	for _, p := range paths {
		t := track{class: p.class, name: p.name}
		for _, c := range curve {
			if x := p.at(c); x != nil {
				t.values = append(t.values, m.at(c.Lambda, x))
			}
		}
		if len(t.values) > 1 {
			out = append(out, t)
		}
	}
	return out
}

func legend(tracks []track) []legendEntry {
	var out []legendEntry
	for _, t := range tracks {
		out = append(out, legendEntry{t.class, t.name})
	}
	return out
}

// merged is the metrics of the merged model where they belong on the plot.
func merged(r *rebasin.Report) *eval.Metrics {
	if r.Eval == nil || r.Lambda == nil || *r.Lambda < 0 || *r.Lambda > 1 {
		return nil
	}
	return r.Eval.Merged
}

// summary tells what the plot shows.
func (m measure) summary(curve []rebasin.CurvePoint) string {
	text := "The " + strings.TrimSuffix(m.name, ", %") + " along λ from A at 0 to B at 1."
	middle := curve[len(curve)/2]
	for _, p := range paths {
		if x := p.at(middle); x != nil {
			text += fmt.Sprintf(" At λ = %.2g the %s model has %s.", middle.Lambda, strings.TrimSuffix(p.name, " average"), number(m.at(middle.Lambda, x).v))
		}
	}
	return text
}
