package chart

import (
	"image/color"
	"io"

	"gonum.org/v1/plot/vg"
)

// Panel is one plot of a chart of Lines.
type Panel struct {
	Y     string // label of the axis
	Lines []Line
}

// Line is a named curve; a name stands for one colour in all panels.
type Line struct {
	Name   string
	Points [][2]float64 // by x; those that are not finite are left out
}

// colours are Okabe and Ito's, which readers who do not see red or green tell
// apart, by the order in which lines first appear; after them they come again, dashed.
var colours = []color.Color{
	color.NRGBA{0xd5, 0x5e, 0x00, 0xff}, color.NRGBA{0x00, 0x72, 0xb2, 0xff}, color.NRGBA{0x00, 0x9e, 0x73, 0xff}, color.NRGBA{0xcc, 0x79, 0xa7, 0xff},
	color.NRGBA{0xe6, 0x9f, 0x00, 0xff}, color.NRGBA{0x56, 0xb4, 0xe9, 0xff}, color.NRGBA{0x80, 0x80, 0x80, 0xff}, color.NRGBA{0x00, 0x00, 0x00, 0xff},
}

// Lines draws curves over x, panels side by side. The legend is of the first
// panel; title and format are as for Barrier.
func Lines(w io.Writer, format, title, x string, panels []Panel) error {
	known := map[string]int{}
	var out []panel
	for _, p := range panels {
		q := panel{x: x, y: p.Y}
		for _, l := range p.Lines {
			n, ok := known[l.Name]
			if !ok {
				n = len(known)
				known[l.Name] = n
			}
			var dashes []vg.Length
			if n >= len(colours) {
				dashes = dashed
			}
			q.lines = append(q.lines, line{name: l.Name, style: stroke(colours[n%len(colours)], dashes), points: l.Points, marks: true})
		}
		out = append(out, q)
	}
	return drawTo(w, format, title, out)
}
