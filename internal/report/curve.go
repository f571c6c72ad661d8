package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// curve is a plot along λ as the page draws it, in units of its own picture.
type curve struct {
	Name, Summary string // the measure; what the picture shows, for those who do not see it
	Width, Height int
	Left, Right   int // ends of the plot
	Top, Bottom   int
	X, Y          []tick
	Bands, Lines  []stroke
	Dot           *point
}

// tick is a mark on an axis.
type tick struct {
	At    float64
	Label string
}

// stroke is a path: Class says whose it is.
type stroke struct{ Class, Path string }

// point is a model on its own.
type point struct {
	X, Y  float64
	Label string
}

// legendEntry names a kind of line.
type legendEntry struct{ Class, Name string }

// track is one of the paths of a CurvePoint.
type track struct {
	class, name string
	at          func(rebasin.CurvePoint) *eval.Metrics
}

var tracks = []track{
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

// curves draws loss and accuracy along λ, with a legend of the lines there are.
func curves(r *rebasin.Report) ([]*curve, []legendEntry) {
	var out []*curve
	for _, m := range measures {
		if c := newCurve(r, m); c != nil {
			out = append(out, c)
		}
	}
	var legend []legendEntry
	for _, t := range tracks {
		if len(r.Curve) > 1 && t.at(r.Curve[1]) != nil {
			legend = append(legend, legendEntry{t.class, t.name})
		}
	}
	if len(out) > 0 && out[0].Dot != nil {
		legend = append(legend, legendEntry{"dot", out[0].Dot.Label})
	}
	return out, legend
}

// newCurve draws one measure, nil where nothing of it is finite.
func newCurve(r *rebasin.Report, m measure) *curve {
	c := &curve{Name: m.name, Width: 460, Height: 260, Left: 52, Right: 446, Top: 12, Bottom: 222}
	low, high := math.Inf(1), math.Inf(-1)
	see := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, p := range r.Curve {
		for _, t := range tracks {
			if x := t.at(p); x != nil {
				v, _ := m.value(x)
				see(m.scale * v)
			}
		}
	}
	dot := merged(r)
	if dot != nil {
		v, _ := m.value(dot)
		see(m.scale * v)
	}
	if !(low <= high) || len(r.Curve) < 2 {
		return nil
	}
	if low == high {
		low, high = low-0.5, high+0.5
	}
	low, high = low-0.05*(high-low), high+0.05*(high-low)
	x := func(v float64) float64 { return float64(c.Left) + v*float64(c.Right-c.Left) }
	y := func(v float64) float64 {
		return float64(c.Bottom) - (min(max(v, low), high)-low)/(high-low)*float64(c.Bottom-c.Top)
	}
	for _, v := range []float64{0, 0.25, 0.5, 0.75, 1} {
		c.X = append(c.X, tick{x(v), strconv.FormatFloat(v, 'g', -1, 64)})
	}
	for _, v := range round(low, high) {
		c.Y = append(c.Y, tick{y(v), strconv.FormatFloat(v, 'g', 6, 64)})
	}
	for _, t := range tracks {
		line, band := draw(r.Curve, t, m, x, y)
		if line != "" {
			c.Lines = append(c.Lines, stroke{t.class, line})
		}
		if band != "" {
			c.Bands = append(c.Bands, stroke{t.class, band})
		}
	}
	if dot != nil {
		v, _ := m.value(dot)
		c.Dot = &point{x(*r.Lambda), y(m.scale * v), "merged model"}
	}
	c.Summary = summary(r, m)
	return c
}

// merged is the metrics of the merged model where they belong on the plot.
func merged(r *rebasin.Report) *eval.Metrics {
	if r.Eval == nil || r.Lambda == nil || *r.Lambda < 0 || *r.Lambda > 1 {
		return nil
	}
	return r.Eval.Merged
}

// draw gives the path of one track and of the band of its intervals.
func draw(points []rebasin.CurvePoint, t track, m measure, x, y func(float64) float64) (line, band string) {
	var up, down []string
	letter := "M"
	var b strings.Builder
	for _, p := range points {
		metrics := t.at(p)
		if metrics == nil {
			continue
		}
		v, ends := m.value(metrics)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			letter = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", letter, x(p.Lambda), y(m.scale*v))
		letter = "L"
		if ends != (eval.Interval{}) && !math.IsNaN(ends[0]+ends[1]) && !math.IsInf(ends[1]-ends[0], 0) {
			up = append(up, fmt.Sprintf("%.1f %.1f", x(p.Lambda), y(m.scale*ends[1])))
			down = append([]string{fmt.Sprintf("%.1f %.1f", x(p.Lambda), y(m.scale*ends[0]))}, down...)
		}
	}
	if len(up) > 1 {
		band = "M" + strings.Join(append(up, down...), "L") + "Z"
	}
	return b.String(), band
}

// summary tells what the plot shows.
func summary(r *rebasin.Report, m measure) string {
	text := "The " + strings.TrimSuffix(m.name, ", %") + " along λ from A at 0 to B at 1."
	middle := r.Curve[len(r.Curve)/2]
	for _, t := range tracks {
		if x := t.at(middle); x != nil {
			v, _ := m.value(x)
			text += fmt.Sprintf(" At λ = %.2g the %s model has %s.", middle.Lambda, strings.TrimSuffix(t.name, " average"), number(m.scale*v))
		}
	}
	return text
}

// round lists about five round numbers from low to high.
func round(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{0.1, 0.2, 0.5, 1, 2} {
		if (high-low)/(part*step) <= 6 {
			step *= part
			break
		}
	}
	var out []float64
	for k := math.Ceil(low / step); k*step <= high; k++ {
		out = append(out, k*step+0) // +0: no negative zero
	}
	return out
}

// bar is a pair of bars, before and after, as parts of the longest in per cent.
type bar struct{ Before, After float64 }

func newBar(l rebasin.LayerDistance, longest float64) bar {
	if longest == 0 {
		return bar{}
	}
	return bar{100 * l.RelativeBefore / longest, 100 * l.RelativeAfter / longest}
}
