package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// heat is a pair of pictures of a correlation.
type heat struct {
	*rebasin.Correlation
	Scale    float64 // the correlation that has the full colour
	Pictures []picture
}

// picture is an image with what it shows in words.
type picture struct {
	Name string
	Data template.URL
	Text string
}

func newHeat(c *rebasin.Correlation) *heat {
	h := &heat{Correlation: c}
	for _, m := range []rebasin.Matrix{c.Before, c.After} {
		for _, row := range m {
			for _, v := range row {
				h.Scale = max(h.Scale, math.Abs(v))
			}
		}
	}
	for _, k := range []struct {
		name     string
		matrix   rebasin.Matrix
		diagonal float64
	}{{"as they stand", c.Before, c.DiagonalBefore}, {"aligned", c.After, c.DiagonalAfter}} {
		h.Pictures = append(h.Pictures, picture{k.name, paint(k.matrix, h.Scale),
			fmt.Sprintf("Heat map of %d by %d units of group %s, A's down and B's across, %s: units at one place have a mean correlation of %s.",
				len(c.Shown), len(c.Shown), c.Group, k.name, number(k.diagonal))})
	}
	return h
}

// The colours of correlations above and below 0; 0 itself is transparent, so that
// the pictures go with light pages and dark ones.
var (
	above = color.NRGBA{0x2f, 0x7d, 0xd1, 0xff}
	below = color.NRGBA{0xd8, 0x5a, 0x30, 0xff}
)

// paint draws a matrix as PNG, an element a pixel.
func paint(m rebasin.Matrix, scale float64) template.URL {
	img := image.NewNRGBA(image.Rect(0, 0, len(m), len(m)))
	for i, row := range m {
		for j, v := range row {
			c := above
			if v < 0 {
				c = below
			}
			c.A = 0
			if scale > 0 {
				c.A = uint8(math.Round(255 * math.Abs(v) / scale))
			}
			img.SetNRGBA(j, i, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil { // of an empty matrix: there is no picture
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}
