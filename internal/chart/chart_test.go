package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	_ "image/png"
	"io"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// hump is a path whose loss rises in the middle.
func hump(height float64) *rebasin.Barriers {
	c := &rebasin.Curve{Samples: 100}
	for _, l := range eval.Lambdas(9) {
		m := &eval.Metrics{Loss: 0.1 + height*l*(1-l), Accuracy: 0.9 - 0.2*l*(1-l)}
		m.LossInterval = eval.Interval{m.Loss - 0.02, m.Loss + 0.02}
		flat := &eval.Metrics{Loss: 0.1, Accuracy: 0.9}
		c.Points = append(c.Points, rebasin.CurvePoint{Lambda: l, Naive: m, Aligned: flat})
	}
	return &rebasin.Barriers{Test: c}
}

// svgTexts parses an SVG as XML and gives its texts.
func svgTexts(t *testing.T, data []byte) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	var out []string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(out, "|")
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := tok.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			out = append(out, string(text))
		}
	}
}

// An SVG names the axes and the lines, and draws as many curves as there are.
func TestBarrierSVG(t *testing.T) {
	b := hump(2)
	var buf bytes.Buffer
	if err := Barrier(&buf, "svg", "A & B", b); err != nil {
		t.Fatal(err)
	}
	texts := svgTexts(t, buf.Bytes())
	for _, want := range []string{"A & B", "λ, the part of B", "loss", "accuracy, %", "naive", "aligned", "line between the ends", "|0.6|"} {
		if !strings.Contains(texts, want) {
			t.Errorf("no %q among %s", want, texts)
		}
	}
	if strings.Contains(texts, "repaired") || strings.Contains(texts, "train") {
		t.Errorf("legend of lines that are not there: %s", texts)
	}
	b.Train = hump(1).Test
	var again bytes.Buffer
	if err := Barrier(&again, "svg", "A & B", b); err != nil {
		t.Fatal(err)
	}
	if texts := svgTexts(t, again.Bytes()); !strings.Contains(texts, "naive, train") || !strings.Contains(texts, "naive, test") {
		t.Errorf("texts %s", texts)
	}
}

// A PNG shows the naive curve's colour at the height where it is.
func TestBarrierPNG(t *testing.T) {
	var buf bytes.Buffer
	if err := Barrier(&buf, "png", "hump", hump(2)); err != nil {
		t.Fatal(err)
	}
	picture, _, err := image.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Size()
	if size.X != 1440 || size.Y != 630 {
		t.Errorf("size %v", size)
	}
	top := func(c color.Color) int {
		for y := range size.Y {
			for x := range size.X / 2 {
				r, g, b, _ := picture.At(x, y).RGBA()
				R, G, B, _ := c.RGBA()
				if r>>8 == R>>8 && g>>8 == G>>8 && b>>8 == B>>8 {
					return y
				}
			}
		}
		return math.MaxInt
	}
	if naive, aligned := top(naiveColour), top(alignedColour); naive > 150 || aligned < 300 || aligned > 600 {
		t.Errorf("naive begins at line %d, aligned at %d, of %d", naive, aligned, size.Y)
	}
}

// Losses that are not finite are left out; where none is finite there is an error.
func TestBarrierNotFinite(t *testing.T) {
	b := hump(2)
	b.Test.Points[4].Naive.Loss = math.Inf(1)
	b.Test.Points[5].Naive.Accuracy = math.NaN()
	if err := Barrier(io.Discard, "svg", "", b); err != nil {
		t.Error(err)
	}
	for _, p := range b.Test.Points {
		p.Naive.Loss, p.Aligned.Loss = math.NaN(), math.NaN()
	}
	if err := Barrier(io.Discard, "svg", "", b); err == nil || !strings.Contains(err.Error(), "no finite value of loss") {
		t.Errorf("error %v", err)
	}
	if err := Barrier(io.Discard, "gif", "", hump(1)); err == nil {
		t.Error("no error for a format that does not exist")
	}
	if _, err := FormatOf("curve.gif"); err == nil {
		t.Error("no error for an ending that is no format")
	}
	if f, err := FormatOf("Curve.PNG"); f != "png" || err != nil {
		t.Errorf("%q, %v", f, err)
	}
}

func TestSeries(t *testing.T) {
	var points []rebasin.SeriesPoint
	for i, loss := range []float64{1, 0.5, 0.2} {
		points = append(points, rebasin.SeriesPoint{Time: float64(1 + i), Barrier: &rebasin.BarrierReport{Naive: &eval.Barrier{Loss: 2}, Aligned: &eval.Barrier{Loss: loss}}})
	}
	var buf bytes.Buffer
	if err := Series(&buf, "svg", "over time", points); err != nil {
		t.Fatal(err)
	}
	if texts := svgTexts(t, buf.Bytes()); !strings.Contains(texts, "training time") || !strings.Contains(texts, "no barrier") || !strings.Contains(texts, "loss barrier") {
		t.Errorf("texts %s", texts)
	}
	if err := Series(io.Discard, "png", "one point", points[:1]); err != nil {
		t.Error(err)
	}
}

// Ticks are round numbers within the axis, about six.
func TestRoundTicks(t *testing.T) {
	for _, axis := range [][2]float64{{0, 1}, {-0.03, 0.98}, {87, 99}, {1e-9, 3e-9}, {0, 12345}, {99.1, 99.3}, {-2e6, 7e6}} {
		ticks := roundTicks{}.Ticks(axis[0], axis[1])
		if len(ticks) < 3 || len(ticks) > 9 {
			t.Errorf("%v: %d ticks", axis, len(ticks))
		}
		seen := map[string]bool{}
		for _, k := range ticks {
			if k.Value < axis[0]-1e-9*(axis[1]-axis[0]) || k.Value > axis[1]+1e-9*(axis[1]-axis[0]) || seen[k.Label] {
				t.Errorf("%v: tick %v %q", axis, k.Value, k.Label)
			}
			seen[k.Label] = true
		}
	}
	if ticks := (roundTicks{}).Ticks(3, 3); len(ticks) != 1 {
		t.Errorf("ticks of a single value: %v", ticks)
	}
}

// A line has one colour in all panels, whatever the order there.
func TestLines(t *testing.T) {
	naive, aligned := Line{"naive", [][2]float64{{0, 1}, {1, 3}}}, Line{"aligned", [][2]float64{{0, 2}, {1, math.NaN()}}}
	var buf bytes.Buffer
	if err := Lines(&buf, "svg", "by width", "width", []Panel{{"loss", []Line{naive, aligned}}, {"accuracy", []Line{aligned}}}); err != nil {
		t.Fatal(err)
	}
	if texts := svgTexts(t, buf.Bytes()); !strings.Contains(texts, "width") || !strings.Contains(texts, "accuracy") {
		t.Errorf("texts %s", texts)
	}
	if n := strings.Count(buf.String(), "#0072B2"); n < 3 {
		t.Errorf("the second line's colour stands %d times: in the legend and both panels it should", n)
	}
}

// A matrix has a cell for each number there is, with the names it stands between.
func TestMatrix(t *testing.T) {
	var buf bytes.Buffer
	if err := Matrix(&buf, "a & b", []string{"<one>", "two", "three"}, [][]float64{{0, 1.2, math.NaN()}, {0.5, 0, math.NaN()}, {math.NaN(), math.NaN(), 0}}, 1.4); err != nil {
		t.Fatal(err)
	}
	texts := svgTexts(t, buf.Bytes())
	for _, want := range []string{"a & b", "<one>, two: 1.2", "two, <one>: 0.5", "|0.50|"} {
		if !strings.Contains(texts, want) {
			t.Errorf("no %q among %s", want, texts)
		}
	}
	if n := bytes.Count(buf.Bytes(), []byte("<title>")); n != 5 {
		t.Errorf("%d cells, want 5", n)
	}
	if near, _ := shade(0); near != "#124a8c" {
		t.Errorf("the nearest cells are %s", near)
	}
	if far, _ := shade(3); far != "#ffffff" {
		t.Errorf("the farthest cells are %s", far)
	}
}

// Names that do not fit beside each other stand in rows, each of them once.
func TestLegendRows(t *testing.T) {
	var lines []line
	for _, name := range []string{"one", "", "two", "a name as long as half of the picture is wide, and a little longer still", "three", "four"} {
		lines = append(lines, line{name: name})
	}
	const room = 320
	var names []string
	rows := rowsOf(lines, room)
	for _, r := range rows {
		width := vg.Length(-apart)
		for _, l := range r {
			names = append(names, l.name)
			width += entry(l) + apart
		}
		if width > room && len(r) > 1 {
			t.Errorf("a row of %d names is %v wide", len(r), width)
		}
	}
	if len(rows) != 3 || strings.Join(names, " ") != "one two "+lines[3].name+" three four" {
		t.Errorf("%d rows: %q", len(rows), names)
	}
}
