package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// plots are pictures side by side that share a legend.
type plots struct {
	Charts []*plot
	Legend []legendEntry
}

// plot is a picture of numbers along an axis, in units of its own.
type plot struct {
	Name, Axis, Summary string // the measure; what lies across; what the picture shows, for those who do not see it
	Width, Height       int
	Left, Right         int // ends of the plot
	Top, Bottom         int
	X, Y                []tick
	Bands, Lines        []stroke
	Dots                []point
	low, high           float64 // of the vertical axis
	from, to            float64 // of the other
}

// tick is a mark on an axis.
type tick struct {
	At    float64
	Label string
}

// stroke is a path: Class says whose it is.
type stroke struct{ Class, Path string }

// point is a model on its own: Class says how it is drawn.
type point struct {
	Class string
	X, Y  float64
	Label string
}

// legendEntry names a kind of line.
type legendEntry struct{ Class, Name string }

// track is a line with its values from left to right.
type track struct {
	class, name string
	values      []value
}

// value is a number at a place of the axis, with its interval where there is one.
type value struct {
	at, v float64
	ends  eval.Interval
}

// newPlot is the empty picture of tracks, nil where nothing of them is finite. Its horizontal axis goes from the first place
// to the last.
func newPlot(name, axis string, tracks []track, dots ...value) *plot {
	p := &plot{Name: name, Axis: axis, Width: 460, Height: 260, Left: 52, Right: 446, Top: 12, Bottom: 222}
	p.low, p.high, p.from, p.to = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	all := slices.Clone(dots)
	for _, t := range tracks {
		all = append(all, t.values...)
	}
	for _, x := range all {
		p.from, p.to = min(p.from, x.at), max(p.to, x.at)
		if finite(x.v) {
			p.low, p.high = min(p.low, x.v), max(p.high, x.v)
		}
	}
	if !(p.low <= p.high) {
		return nil
	}
	if p.low == p.high {
		p.low, p.high = p.low-0.5, p.high+0.5
	}
	if p.from == p.to {
		p.from, p.to = p.from-0.5, p.to+0.5
	}
	p.low, p.high = p.low-0.05*(p.high-p.low), p.high+0.05*(p.high-p.low)
	for _, v := range round(p.low, p.high) {
		p.Y = append(p.Y, tick{p.y(v), strconv.FormatFloat(v, 'g', 6, 64)})
	}
	for _, t := range tracks {
		p.draw(t)
	}
	return p
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (p *plot) x(at float64) float64 {
	return float64(p.Left) + (at-p.from)/(p.to-p.from)*float64(p.Right-p.Left)
}

func (p *plot) y(v float64) float64 {
	return float64(p.Bottom) - (min(max(v, p.low), p.high)-p.low)/(p.high-p.low)*float64(p.Bottom-p.Top)
}

// marks names places of the horizontal axis.
func (p *plot) marks(at ...float64) {
	for _, v := range at {
		p.X = append(p.X, tick{p.x(v), strconv.FormatFloat(v, 'g', 6, 64)})
	}
}

// dot draws a value on its own, where there is one.
func (p *plot) dot(class, label string, x value) {
	if finite(x.v) {
		p.Dots = append(p.Dots, point{class, p.x(x.at), p.y(x.v), label})
	}
}

// draw adds the line of a track and the band of its intervals.
func (p *plot) draw(t track) {
	var up, down []string
	letter := "M"
	var line strings.Builder
	for _, x := range t.values {
		if !finite(x.v) {
			letter = "M"
			continue
		}
		fmt.Fprintf(&line, "%s%.1f %.1f", letter, p.x(x.at), p.y(x.v))
		letter = "L"
		if x.ends != (eval.Interval{}) && finite(x.ends[0]) && finite(x.ends[1]) {
			up = append(up, fmt.Sprintf("%.1f %.1f", p.x(x.at), p.y(x.ends[1])))
			down = append([]string{fmt.Sprintf("%.1f %.1f", p.x(x.at), p.y(x.ends[0]))}, down...)
		}
	}
	if line.Len() > 0 {
		p.Lines = append(p.Lines, stroke{t.class, line.String()})
	}
	if len(up) > 1 {
		p.Bands = append(p.Bands, stroke{t.class, "M" + strings.Join(append(up, down...), "L") + "Z"})
	}
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
