package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
)

// The sizes of a matrix, in pixels; the width of a letter is a guess that fits
// common fonts.
const (
	cellSize  = 34
	smallCell = 14 // from manyCells on: too small for numbers
	manyCells = 24
	letter    = 6.6
)

// Matrix draws distances between things as SVG, a cell each, the darker the nearer:
// 0 is the darkest, far and beyond is white, and NaN is left out. Cells have
// their labels and value as tooltips, large ones the value as text.
func Matrix(w io.Writer, title string, labels []string, distances [][]float64, far float64) error {
	longest := 0
	for _, l := range labels {
		longest = max(longest, len([]rune(l)))
	}
	cell := float64(cellSize)
	if len(labels) >= manyCells {
		cell = smallCell
	}
	margin := letter*float64(longest) + 16
	side := cell * float64(len(labels))
	width, height := max(margin+side+12, letter*1.15*float64(len([]rune(title)))+24), 40+margin+side+12
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="Liberation Sans,Arial,Helvetica,sans-serif" font-size="12" role="img" aria-label="%s">`+"\n",
		width, height, width, height, escaped(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="12" y="24" font-size="14">%s</text>`+"\n", escaped(title))
	for i, label := range labels {
		at := cell * (float64(i) + 0.5)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", margin-8, 40+margin+at+4, escaped(label))
		fmt.Fprintf(&b, `<text transform="translate(%.1f %.1f) rotate(-90)">%s</text>`+"\n", margin+at+4, 40+margin-8, escaped(label))
	}
	for i, row := range distances {
		for j, v := range row {
			if math.IsNaN(v) {
				continue
			}
			x, y := margin+cell*float64(j), 40+margin+cell*float64(i)
			fill, ink := shade(v / far)
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" stroke="#ddd"><title>%s, %s: %.4g</title></rect>`,
				x, y, cell, cell, fill, escaped(labels[i]), escaped(labels[j]), v)
			if cell == cellSize && i != j {
				fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="11" fill="%s">%.2f</text>`, x+cell/2, y+cell/2+4, ink, v)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// shade is the colour of a distance from 0 to 1, and one to write on it.
func shade(part float64) (fill, ink string) {
	part = min(max(part, 0), 1)
	mix := func(from, to float64) int { return int(math.Round(from + (to-from)*part)) }
	ink = "#1d2126"
	if part < 0.5 {
		ink = "white"
	}
	return fmt.Sprintf("#%02x%02x%02x", mix(0x12, 0xff), mix(0x4a, 0xff), mix(0x8c, 0xff)), ink
}

func escaped(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // cannot fail
	return b.String()
}
