package chart

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plot makes the plot of a panel.
func (p panel) plot() (*plot.Plot, error) {
	q := plot.New()
	q.X.Label.Text, q.Y.Label.Text = p.x, p.y
	for _, a := range []*plot.Axis{&q.X, &q.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = sans(10), sans(9)
		a.Label.Padding, a.Padding = vg.Points(4), vg.Points(2)
		a.Tick.Marker = roundTicks{}
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xe6}, color.Gray{0xe6}
	q.Add(grid)
	for _, l := range p.lines {
		if err := l.addTo(q); err != nil {
			return nil, err
		}
	}
	if !isFinite(q.Y.Min) || !isFinite(q.Y.Max) {
		return nil, fmt.Errorf("chart: there is no finite value of %s to draw", p.y)
	}
	if room := (q.Y.Max - q.Y.Min) * 0.04; room > 0 {
		q.Y.Min, q.Y.Max = q.Y.Min-room, q.Y.Max+room
	}
	return q, nil
}

// addTo draws the line's band, then the line.
func (l line) addTo(q *plot.Plot) error {
	var xys plotter.XYs
	for _, p := range l.points {
		if isFinite(p[1]) {
			xys = append(xys, plotter.XY{X: p[0], Y: p[1]})
		}
	}
	if len(xys) == 0 {
		return nil
	}
	if len(l.band) > 1 {
		var around plotter.XYs
		for _, b := range l.band {
			around = append(around, plotter.XY{X: b[0][0], Y: b[0][1]})
		}
		for i := range l.band {
			b := l.band[len(l.band)-1-i]
			around = append(around, plotter.XY{X: b[1][0], Y: b[1][1]})
		}
		area, err := plotter.NewPolygon(around)
		if err != nil {
			return fmt.Errorf("chart: %w", err)
		}
		r, g, b, _ := l.style.Color.RGBA()
		area.Color = color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0x33}
		area.LineStyle.Width = 0
		q.Add(area)
	}
	curve, err := plotter.NewLine(xys)
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	curve.LineStyle = l.style
	q.Add(curve)
	if l.marks {
		dots, err := plotter.NewScatter(xys)
		if err != nil {
			return fmt.Errorf("chart: %w", err)
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: l.style.Color, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}
		q.Add(dots)
	}
	return nil
}

// roundTicks labels about six round numbers.
type roundTicks struct{}

func (roundTicks) Ticks(low, high float64) []plot.Tick {
	if !(high > low) {
		return []plot.Tick{{Value: low, Label: strconv.FormatFloat(low, 'g', 4, 64)}}
	}
	rough := (high - low) / 6
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * unit
	for _, k := range []float64{1, 2, 2.5, 5} {
		if k*unit >= rough {
			step = k * unit
			break
		}
	}
	digits := max(0, int(math.Ceil(-math.Log10(unit))))
	if math.Mod(step/unit, 1) != 0 {
		digits++
	}
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step+0, 'f', digits, 64)})
	}
	return ticks
}
