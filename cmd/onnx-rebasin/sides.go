package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
)

// sides are the files that barrier writes beside its report.
type sides struct {
	plot, format, csv string
}

// newSides checks the names before any work is done.
func newSides(c *cli.Context) (*sides, error) {
	s := &sides{plot: c.String("plot"), csv: c.String("csv")}
	if s.plot != "" {
		var err error
		if s.format, err = chart.FormatOf(s.plot); err != nil {
			return nil, hinted{usageError{fmt.Errorf("--plot: %w", err)}, "name a file such as curve.svg"}
		}
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
		drawn = writeWhole(s.plot, func(w io.Writer) error { return draw(w, s.format) })
	}
	if s.csv != "" {
		listed = writeWhole(s.csv, list)
	}
	return firstOf(drawn, listed)
}

// writeWhole writes a file through a temporary one: it is there whole, or not.
func writeWhole(path string, content func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = content(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
