// Package chart draws what a path between two models is like: loss and accuracy
// along λ, and barriers over training time.
package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Formats lists the formats that charts are drawn in.
var Formats = []string{"svg", "png"}

const (
	width, height = 9.6 * vg.Inch, 4.2 * vg.Inch
	pngDPI        = 150
)

// FormatOf tells the format by the ending of a file's name.
func FormatOf(path string) (string, error) {
	for _, f := range Formats {
		if strings.HasSuffix(strings.ToLower(path), "."+f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("chart: %s ends neither in .%s", path, strings.Join(Formats, " nor in ."))
}

// panel is one plot of a chart.
type panel struct {
	x, y  string // labels of the axes
	lines []line
}

// line is one curve.
type line struct {
	name   string // in the legend; "" for none
	style  draw.LineStyle
	points [][2]float64    // by x; those that are not finite are left out
	band   [][2][2]float64 // lower and upper ends of an interval at some points, or nil
	marks  bool            // a dot at every point
}

// The colours of the paths, told apart by readers who do not see red or green.
var (
	naiveColour    = color.NRGBA{0xc2, 0x3b, 0x22, 0xff}
	alignedColour  = color.NRGBA{0x1f, 0x5f, 0xa8, 0xff}
	repairedColour = color.NRGBA{0x1b, 0x8a, 0x5a, 0xff}
	greyColour     = color.NRGBA{0x80, 0x80, 0x80, 0xff}
)

var (
	dashed = []vg.Length{vg.Points(5), vg.Points(3)}
	dotted = []vg.Length{vg.Points(1), vg.Points(2.5)}
)

func stroke(c color.Color, dashes []vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: vg.Points(1.6), Dashes: dashes}
}

// drawTo writes panels side by side, under a title and a legend.
func drawTo(w io.Writer, format, title string, panels []panel) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "svg":
		canvas = vgsvg.New(width, height)
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI))}
	default:
		return fmt.Errorf("chart: there is no format %q; choose among %s", format, strings.Join(Formats, ", "))
	}
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Rectangle.Path())

	var plots []*plot.Plot
	for _, p := range panels {
		q, err := p.plot()
		if err != nil {
			return err
		}
		plots = append(plots, q)
	}
	const head, row = 24, 15 // points for the title and each row of the legend
	names := rowsOf(panels[0].lines, whole.Max.X-whole.Min.X-12)
	body := draw.Crop(whole, 6, -10, vg.Length(9+row*len(names)), -head)
	tiles := draw.Tiles{Rows: 1, Cols: len(plots), PadX: vg.Points(22)}
	for i, c := range plot.Align([][]*plot.Plot{plots}, tiles, body)[0] {
		plots[i].Draw(c)
	}
	heading := textStyle(12, draw.XCenter)
	whole.FillText(heading, vg.Point{X: whole.Center().X, Y: whole.Max.Y - head + 6}, title)
	for k, lines := range names {
		legend(whole, lines, whole.Min.Y+8+vg.Length(row*(len(names)-1-k)))
	}
	if format == "svg" {
		return writeSVG(w, canvas)
	}
	_, err := canvas.WriteTo(w)
	return err
}

// writeSVG names fonts that other systems have for the one that texts were
// measured with.
func writeSVG(w io.Writer, canvas io.WriterTo) error {
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(text.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif")))
	return err
}

// sans is the font of all text, of a size in points.
func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// textStyle is text of a size in points.
func textStyle(size float64, align text.XAlignment) draw.TextStyle {
	return draw.TextStyle{Color: color.Black, Font: sans(size),
		XAlign: align, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// The parts of an entry of the legend, and what is between two.
const swatch, gap, apart = 24, 5, 18

// entry is how wide a line's entry in the legend is.
func entry(l line) vg.Length { return swatch + gap + textStyle(9, draw.XLeft).Width(l.name) }

// rowsOf parts the lines that have a name into rows that fit.
func rowsOf(lines []line, width vg.Length) [][]line {
	rows, used := [][]line{nil}, vg.Length(0)
	for _, l := range lines {
		if l.name == "" {
			continue
		}
		last := len(rows) - 1
		if used += entry(l) + apart; used-apart > width && rows[last] != nil {
			rows, used, last = append(rows, nil), entry(l)+apart, last+1
		}
		rows[last] = append(rows[last], l)
	}
	return rows
}

// legend names the lines in a row, centred.
func legend(c draw.Canvas, lines []line, y vg.Length) {
	total := vg.Length(-apart)
	for _, l := range lines {
		total += entry(l) + apart
	}
	x := c.Center().X - total/2
	for _, l := range lines {
		c.StrokeLine2(l.style, x, y+3.5, x+swatch, y+3.5)
		c.FillText(textStyle(9, draw.XLeft), vg.Point{X: x + swatch + gap, Y: y}, l.name)
		x += entry(l) + apart
	}
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
