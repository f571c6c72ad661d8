// Command draw makes the pictures of the experiments. It reads lines of
// comma-separated values, panel,line,x,y, from standard input:
//
//	draw -title TITLE -x LABEL -o FILE.svg < table.csv
package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
)

func main() {
	title, x, out := flag.String("title", "", "of the picture"), flag.String("x", "", "label of the axis"), flag.String("o", "", "`FILE`, .svg or .png")
	flag.Parse()
	if err := draw(os.Stdin, *title, *x, *out); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

func draw(in io.Reader, title, x, path string) error {
	format, err := chart.FormatOf(path)
	if err != nil {
		return err
	}
	panels, err := read(in)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := chart.Lines(&picture, format, title, x, panels); err != nil {
		return err
	}
	return os.WriteFile(path, picture.Bytes(), 0o644)
}

// read groups rows by panel and line, both in order of appearance.
func read(in io.Reader) ([]chart.Panel, error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = 4
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("no rows to draw")
	}
	var panels []chart.Panel
	for n, row := range rows {
		at, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", n+1, err)
		}
		y, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", n+1, err)
		}
		p := slices.IndexFunc(panels, func(p chart.Panel) bool { return p.Y == row[0] })
		if p < 0 {
			p, panels = len(panels), append(panels, chart.Panel{Y: row[0]})
		}
		lines := &panels[p].Lines
		l := slices.IndexFunc(*lines, func(l chart.Line) bool { return l.Name == row[1] })
		if l < 0 {
			l, *lines = len(*lines), append(*lines, chart.Line{Name: row[1]})
		}
		(*lines)[l].Points = append((*lines)[l].Points, [2]float64{at, y})
	}
	return panels, nil
}
