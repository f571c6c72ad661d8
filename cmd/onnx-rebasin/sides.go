package main

import (
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sides are the files that barrier writes beside its report.
type sides struct {
	c                 *cli.Context
	plot, format, csv string
}

// newSides checks the names before any work is done.
func newSides(c *cli.Context) (*sides, error) {
	s := &sides{c: c, plot: c.String("plot"), csv: c.String("csv")}
	if s.plot != "" {
		var err error
		if s.format, err = chart.FormatOf(s.plot); err != nil {
			return nil, hinted{usageError{err}, "name a file such as curve.svg"}
		}
	}
	if s.plot != "" && s.csv != "" && filepath.Clean(s.plot) == filepath.Clean(s.csv) {
		return nil, usagef("%s would be written twice", s.plot)
	}
	for _, path := range []string{s.plot, s.csv} {
		if path == "" {
			continue
		}
		if err := writable(c, path); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// write writes the files asked for, the list also when there is nothing to draw.
func (s *sides) write(draw func(w io.Writer, format string) error, list func(io.Writer) error) error {
	var drawn, listed error
	if s.plot != "" {
		drawn = writeWhole(s.c, s.plot, func(w io.Writer) error { return draw(w, s.format) })
	}
	if s.csv != "" {
		listed = writeWhole(s.c, s.csv, list)
	}
	return firstOf(drawn, listed)
}

// writeWhole writes a file that is there whole, or not; see onnxgraph.WriteFile.
func writeWhole(c *cli.Context, path string, content func(io.Writer) error) error {
	return onnxgraph.WriteFile(path, onnxgraph.SaveOptions{Force: c.Bool("force"), Context: c.Context}, content)
}
