package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
)

func barrierCommand() *cli.Command {
	return &cli.Command{
		Name:  "barrier",
		Usage: "loss and accuracy along λ from A to B, naive and aligned",
		UsageText: "onnx-rebasin barrier A.onnx B.onnx --data test.npz [--plot curve.svg]\n" +
			"onnx-rebasin barrier --series A1.onnx,A2.onnx,… --with B1.onnx,B2.onnx,… --data test.npz\n\n" +
			"Example: onnx-rebasin barrier a.onnx b.onnx --data test.npz --plot curve.png",
		Flags: join([]cli.Flag{
			&cli.IntFlag{Name: "points", Value: rebasin.DefaultPoints, Usage: "`N` values of λ from 0 to 1, the ends included"},
			&cli.StringFlag{Name: "train-data", Usage: "judge the models on `FILE` as well, the data they were trained on"},
			&cli.StringFlag{Name: "plot", Usage: "draw the curves to `FILE`, .svg or .png"},
			&cli.StringFlag{Name: "csv", Usage: "write the curves to `FILE`"},
			&cli.StringFlag{Name: "series", Usage: "`FILES` A1.onnx,A2.onnx,… of one training: draw the barrier over training time"},
			&cli.StringFlag{Name: "with", Usage: "`FILES` B1.onnx,B2.onnx,… of the other training, for --series"},
			&cli.StringFlag{Name: "times", Usage: "`NUMBERS` such as 1,2,5 to put the files of --series at; empty: the last number in each file's name"},
			&cli.BoolFlag{Name: "force", Usage: "replace existing files"},
		}, dataFlags(), calibFlags(), matchFlags(), verifyFlags(), gateFlags(), specFlags(), backendFlags(), reportFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action: barrier,
	}
}

// mostPoints bounds the models that barrier keeps ready at once.
const mostPoints = 1001

func barrier(c *cli.Context) error {
	if c.String("data") == "" {
		return hinted{usagef("barrier needs data"), "add --data test.npz"}
	}
	if n := c.Int("points"); n < 3 || n > mostPoints {
		return usagef("--points %d: a barrier takes 3 to %d points", n, mostPoints)
	}
	required, err := readGates(c)
	if err != nil {
		return err
	}
	sides, err := newSides(c)
	if err != nil {
		return err
	}
	reps, err := newReports(c, sides.plot, sides.csv)
	if err != nil {
		return err
	}
	if c.IsSet("series") || c.IsSet("with") {
		if c.String("report-group") != "" {
			return usagef("--report-group is for two models, not for --series")
		}
		if required != nil {
			return usagef("--require is for two models, not for --series")
		}
		return series(c, sides, reps)
	}
	paths, err := files(c, 2, 2)
	if err != nil {
		return err
	}
	var r rebasin.Report
	b, hints, err := measure(c, paths, func(j *job, b *rebasin.Barriers) error {
		r, j.reports = b.Report(), reps
		return j.detail(&r, &b.Alignment)
	})
	if err != nil {
		return err
	}
	title := fmt.Sprintf("from %s to %s, on %s", filepath.Base(paths[0]), filepath.Base(paths[1]), filepath.Base(c.String("data")))
	written := sides.write(
		func(w io.Writer, format string) error { return chart.Barrier(w, format, title, b) },
		func(w io.Writer) error { return rebasin.WriteCurveCSV(w, b) },
	)
	r.Hints = append(r.Hints, hints...)
	failed := firstOf(written, required.check(&r)) // the figures are printed all the same
	if err := describeRun(c, &r, paths); err != nil {
		return err
	}
	if err := reps.write(&r); err != nil {
		return err
	}
	if c.Bool("json") {
		return firstOf(writeJSON(c.App.Writer, r), failed)
	}
	if !c.Bool("quiet") {
		barrierTable(c.App.Writer, b)
		summary{c.App.Writer, paletteFor(c.App.Writer)}.repaired(b.Repair)
		printGates(c.App.Writer, r.Gates)
	}
	return failed
}

// measure finds the barriers between two files, and calls then, if there is such
// a function, while the files are open.
func measure(c *cli.Context, paths []string, then func(*job, *rebasin.Barriers) error) (*rebasin.Barriers, []string, error) {
	opts := rebasin.BarrierOptions{Points: c.Int("points"), Open: openOptions(c)}
	var err error
	if opts.Options, err = options(c); err != nil {
		return nil, nil, err
	}
	if opts.Evaluate, err = evaluateOptions(c); err != nil {
		return nil, nil, err
	}
	models, done, err := loadAll(c, paths)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if opts.Infer, err = inferOptions(c, models[0]); err != nil {
		return nil, nil, err
	}
	var hints []string
	if opts.Data, err = openData(c, c.String("data"), models[0]); err != nil {
		return nil, nil, err
	}
	defer opts.Data.Close()
	hints = append(hints, opts.Data.Hints...)
	if train := c.String("train-data"); train != "" {
		if opts.Train, err = openData(c, train, models[0]); err != nil {
			return nil, nil, err
		}
		defer opts.Train.Close()
		hints = append(hints, opts.Train.Hints...)
	}
	p := newProgress(c)
	j := &job{c: c, models: models, a: models[0], b: models[1], progress: p, close: func() {}}
	if err := j.calibrate(); err != nil {
		return nil, nil, err
	}
	defer func() { j.close() }()
	if opts.Verify.Fallback, err = j.samples(); err != nil {
		return nil, nil, err
	}
	defer opts.Verify.Fallback.Close()
	opts.Calib, opts.Match.Progress, opts.Verify.Progress, opts.Progress = j.opts.Calib, p.sweep, p.runs, p.samples
	b, err := rebasin.Barrier(c.Context, models[0], models[1], opts)
	p.done()
	if err == nil && then != nil {
		err = then(j, b)
	}
	return b, hints, checked(err)
}

// describeRun fills in what a report says of the run, and prints its hints.
func describeRun(c *cli.Context, r *rebasin.Report, paths []string) error {
	r.Version, r.Command, r.Arguments, r.Seed = version(), c.Command.Name, arguments(c), c.Int64("seed")
	printHints(c, r.Hints)
	if !c.Bool("json") && len(c.StringSlice("report")) == 0 {
		return nil
	}
	return digests(c, r, paths)
}

// barrierTable prints the curves and their barriers.
func barrierTable(w io.Writer, b *rebasin.Barriers) {
	curveTable(w, "test", b.Test)
	if b.Train != nil {
		fmt.Fprintln(w)
		curveTable(w, "training", b.Train)
	}
}

func curveTable(w io.Writer, what string, c *rebasin.Curve) {
	fmt.Fprintf(w, "over %d %s samples\n", c.Samples, what)
	names := []string{"naive"}
	if c.Aligned != nil {
		names = append(names, "aligned")
	}
	if c.Repaired != nil {
		names = append(names, "repaired")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "λ\t")
	for _, n := range names {
		fmt.Fprintf(t, "%s loss\taccuracy\t", n)
	}
	fmt.Fprintln(t)
	for _, p := range c.Points {
		fmt.Fprintf(t, "%.3g\t", p.Lambda)
		for _, m := range []*eval.Metrics{p.Naive, p.Aligned, p.Repaired} {
			if m != nil {
				fmt.Fprintf(t, "%.4f\t%s\t", m.Loss, percent(m.Accuracy))
			}
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintln(w)
	for i, e := range []*eval.Barrier{c.Naive, c.Aligned, c.Repaired} {
		if e != nil {
			fmt.Fprintf(w, "%s barrier  %s\n", names[min(i, len(names)-1)], barrierText(e))
		}
	}
}

// barrierText is one barrier in words.
func barrierText(b *eval.Barrier) string {
	text := fmt.Sprintf("loss %+.4f at λ = %.3g", b.Loss, b.LossAt)
	if b.LossInterval != (eval.Interval{}) {
		text += fmt.Sprintf(" (95 %%: %+.4f to %+.4f)", b.LossInterval[0], b.LossInterval[1])
	}
	if !math.IsNaN(b.Accuracy) {
		text += fmt.Sprintf(", accuracy %+.2f points at λ = %.3g", 100*b.Accuracy, b.AccuracyAt)
	}
	if !math.IsNaN(b.MidpointLoss) {
		text += fmt.Sprintf("; at the midpoint loss %+.4f", b.MidpointLoss)
		if !math.IsNaN(b.MidpointAccuracy) {
			text += fmt.Sprintf(", accuracy %+.2f points", 100*b.MidpointAccuracy)
		}
	}
	return text
}

// percent prints a fraction, a dash where there is none.
func percent(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", 100*v)
}

// commas splits a list given to a flag.
func commas(text string) []string {
	var out []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}
