package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
)

// series measures the barrier between two trainings, file by file.
func series(c *cli.Context, sides *sides, reps *reports) error {
	as, bs := commas(c.String("series")), commas(c.String("with"))
	switch {
	case c.NArg() > 0:
		return usagef("--series and --with name all files, and %s is beside them", c.Args().First())
	case len(as) != len(bs) || len(as) == 0:
		return hinted{usagef("--series names %s and --with %d", count(len(as), "file"), len(bs)), "give as many of each: --series a1.onnx,a2.onnx --with b1.onnx,b2.onnx"}
	}
	times, err := timesOf(c, as)
	if err != nil {
		return err
	}
	var points []rebasin.SeriesPoint
	r := rebasin.Report{}
	for i := range as {
		b, hints, err := measure(c, []string{as[i], bs[i]}, nil)
		if err != nil {
			return fmt.Errorf("%s and %s: %w", as[i], bs[i], err)
		}
		one := b.Report()
		points = append(points, rebasin.SeriesPoint{Time: times[i], A: as[i], B: bs[i], Barrier: one.Barrier, TrainBarrier: one.TrainBarrier})
		if i == 0 {
			r = rebasin.Report{Method: one.Method, Backend: one.Backend, Hints: hints}
		}
	}
	slices.SortStableFunc(points, func(p, q rebasin.SeriesPoint) int { return cmp.Compare(p.Time, q.Time) })
	r.Series = points
	title := fmt.Sprintf("barrier between two trainings, on %s", filepath.Base(c.String("data")))
	written := sides.write(
		func(w io.Writer, format string) error { return chart.Series(w, format, title, points) },
		func(w io.Writer) error { return rebasin.WriteSeriesCSV(w, points) },
	)
	if err := describeRun(c, &r, append(append([]string{}, as...), bs...)); err != nil {
		return err
	}
	if err := reps.write(&r); err != nil {
		return err
	}
	if c.Bool("json") {
		return firstOf(writeJSON(c.App.Writer, r), written)
	}
	if !c.Bool("quiet") {
		seriesTable(c.App.Writer, points)
	}
	return written
}

var lastNumber = regexp.MustCompile(`(\d+(?:\.\d+)?)\D*$`)

// timesOf places the files on the axis of time: by --times, or by the last
// numbers in their names when all have one and no two the same, in whatever
// order they are given, or by counting from 1.
func timesOf(c *cli.Context, files []string) ([]float64, error) {
	if c.IsSet("times") {
		times, err := numbers(c, "times")
		if err == nil && len(times) != len(files) {
			err = usagef("--times has %s for %s", count(len(times), "number"), count(len(files), "file"))
		}
		return times, err
	}
	return timesInNames(files), nil
}

func timesInNames(files []string) []float64 {
	var times, counted []float64
	for i, f := range files {
		counted = append(counted, float64(i+1))
		name := filepath.Base(f)
		m := lastNumber.FindStringSubmatch(name[:len(name)-len(filepath.Ext(name))])
		if m == nil {
			continue
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err == nil && !slices.Contains(times, v) {
			times = append(times, v)
		}
	}
	if len(times) < len(files) {
		return counted
	}
	return times
}

// seriesTable prints the barriers, one time a line.
func seriesTable(w io.Writer, points []rebasin.SeriesPoint) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "time\t")
	for i, b := range barriersOf(points[0].Barrier) {
		if b != nil {
			fmt.Fprintf(t, "%s loss barrier\taccuracy, points\t", []string{"naive", "aligned", "repaired"}[i])
		}
	}
	fmt.Fprintln(t)
	for _, p := range points {
		fmt.Fprintf(t, "%g\t", p.Time)
		for _, b := range barriersOf(p.Barrier) {
			if b != nil {
				fmt.Fprintf(t, "%+.4f\t%+.2f\t", b.Loss, 100*b.Accuracy)
			}
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func barriersOf(r *rebasin.BarrierReport) []*eval.Barrier {
	return []*eval.Barrier{r.Naive, r.Aligned, r.Repaired}
}
