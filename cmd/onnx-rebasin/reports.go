package main

import (
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	pages "github.com/onnx-rebasin/onnx-rebasin/internal/report"
)

// reportFlags ask for pages to read.
func reportFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "report", Usage: "write what was done to `FILE`: .html a page, .md a model card, .json; may be given again"},
		&cli.StringFlag{Name: "report-group", Usage: "show how alike the units of group `NAME` are in --report; empty: the group of which most moved"},
	}
}

// reports are the files of --report.
type reports struct {
	c     *cli.Context
	paths []string
}

// newReports checks the names of --report before any work is done; beside names
// further files that the command writes.
func newReports(c *cli.Context, beside ...string) (*reports, error) {
	p := &reports{c, c.StringSlice("report")}
	for _, path := range p.paths {
		if _, err := pages.FormatOf(path); err != nil {
			return nil, hinted{usageError{err}, "name a file such as report.html, card.md or report.json"}
		}
		if err := writable(c, path); err != nil {
			return nil, err
		}
		for _, other := range beside {
			if other != "" && filepath.Clean(other) == filepath.Clean(path) {
				return nil, usagef("%s would be written twice", path)
			}
		}
		beside = append(beside, path)
	}
	if len(p.paths) == 0 && c.String("report-group") != "" {
		return nil, hinted{usagef("--report-group says what a report shows"), "add --report report.html"}
	}
	return p, nil
}

// wanted reports whether there are any.
func (p *reports) wanted() bool { return len(p.paths) > 0 }

// detail completes r with what only reports show.
func (j *job) detail(r *rebasin.Report, al *rebasin.Alignment) error {
	if !j.reports.wanted() {
		return nil
	}
	return al.Detail(j.c.Context, r, j.a, j.b, j.c.String("report-group"), j.opts.Calib)
}

// write writes the files.
func (p *reports) write(r *rebasin.Report) error {
	if p.wanted() {
		r.Environment = rebasin.ThisEnvironment()
	}
	for _, path := range p.paths {
		format, err := pages.FormatOf(path)
		if err != nil {
			return err
		}
		if err := writeWhole(p.c, path, func(w io.Writer) error { return pages.Write(w, format, r) }); err != nil {
			return err
		}
	}
	return nil
}

// arguments are those of the command line, as it was given.
func arguments(c *cli.Context) []string {
	list, _ := c.App.Metadata["arguments"].([]string)
	return list
}
