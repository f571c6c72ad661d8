package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval/learn"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// matchFlags steer Align and Merge.
func matchFlags() []cli.Flag {
	return join([]cli.Flag{
		&cli.StringFlag{Name: "method", Value: "weight", Usage: "how units are matched: weight, activation (by what they compute on --calib), ste (by gradients of the merged model's loss on --calib, starting from the better of these), zip (merged also within one model, where that is better for --calib), or none for the naive average", Action: oneOf("method", "weight", "activation", "ste", "zip", "none")},
		&cli.Float64Flag{Name: "mix", Usage: "share of the weights in --method activation, from 0 to 1", Action: part("mix")},
		&cli.IntFlag{Name: "epochs", Value: learn.DefaultEpochs, Usage: "passes of --method ste over --calib", Action: positive[int]("epochs")},
		&cli.Float64Flag{Name: "rate", Value: learn.DefaultRate, Usage: "how far a step of --method ste goes, as a part of the root mean square of a weight's numbers", Action: positive[float64]("rate")},
	}, searchFlags(), []cli.Flag{
		&cli.BoolFlag{Name: "no-verify", Usage: "do not check that π(B) computes what B does"},
		&cli.BoolFlag{Name: "allow-nonfinite", Usage: "take weights that hold NaN or infinite numbers"},
	})
}

// searchFlags steer the search for a matching.
func searchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "symmetry", Value: "none", Usage: "beyond permuting: scale, give B's units A's scale, a positive factor for each before a Relu; orthogonal, bring B nearer to A by a rotation within each head; all; none", Action: oneOf("symmetry", "none", "scale", "orthogonal", "all")},
		seedFlag(),
		&cli.StringFlag{Name: "effort", Value: "default", Usage: "how long to search for a better match: fast, default or max"},
		&cli.DurationFlag{Name: "max-time", Usage: "end the search after `TIME` (such as 30s) with the best so far; Ctrl-C does the same"},
		&cli.StringFlag{Name: "normalize", Value: "none", Usage: "compare weights as they are (none), scaled to one norm each (layer), or each unit too (unit)"},
		&cli.IntFlag{Name: "starts", Usage: "starting points of the search, the best is kept; 0: as --effort says", Action: notNegative[int]("starts")},
		&cli.IntFlag{Name: "max-sweeps", Usage: "at most so many passes over the groups; 0: until nothing improves", Action: notNegative[int]("max-sweeps")},
	}
}

func alignCommand() *cli.Command {
	return &cli.Command{
		Name:      "align",
		Usage:     "reorder B's hidden units to stand like A's, and write π(B)",
		UsageText: "onnx-rebasin align A.onnx B.onnx -o b-aligned.onnx\n\nExample: onnx-rebasin align a.onnx b.onnx -o b-aligned.onnx",
		Flags:     join(outputFlags(), matchFlags(), samplesFlags(), verifyFlags(), gateFlags(), specFlags(), backendFlags(), reportFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action:    align,
	}
}

func align(c *cli.Context) error {
	j, err := newJob(c, 2)
	if err != nil {
		return err
	}
	defer j.close()
	if err := j.calibrate(); err != nil {
		return err
	}
	al, err := rebasin.Align(c.Context, j.a, j.b, j.opts)
	j.progress.done()
	if err != nil {
		return checked(err)
	}
	r := al.Report()
	if err := j.detail(&r, al); err != nil {
		return err
	}
	r.Hints = append(al.Hints(), ioHints(al.IO)...)
	return j.conclude(&r, al.Model)
}

// ioHints warns of inputs and outputs that stand in another order than before.
func ioHints(list []rebasin.IOOrder) []string {
	var names []string
	for _, o := range list {
		names = append(names, strconv.Quote(o.Name))
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"the output takes and gives " + strings.Join(names, ", ") + " in another order than before; --json tells which, under \"io\""}
}

// checked marks the errors that are a check's answer.
func checked(err error) error {
	var differ *onnxgraph.Difference
	var not *rebasin.NotEquivalentError
	if errors.As(err, &differ) || errors.As(err, &not) {
		return answerNo{err}
	}
	var nonfinite *rebasin.NonFiniteError
	if errors.As(err, &nonfinite) {
		return hinted{err, "--allow-nonfinite goes on all the same; what is averaged with such a number is lost"}
	}
	var unchecked *rebasin.UncheckedError
	if errors.As(err, &unchecked) && !errors.Is(err, context.Canceled) {
		return hinted{err, "the models have to run for the check (merge can take inputs from --data); --no-verify writes without it"}
	}
	return err
}

// job is what align and merge share: two models or more, the options, the output.
type job struct {
	c        *cli.Context
	paths    []string
	models   []*onnxgraph.Model
	a, b     *onnxgraph.Model // the first two
	output   string           // "" for none
	reports  *reports
	gates    gates
	opts     rebasin.Options
	progress *progress
	close    func()
}

// newJob reads what align and merge share; most is how many models they take.
func newJob(c *cli.Context, most int) (*job, error) {
	paths, err := files(c, 2, most)
	if err != nil {
		return nil, err
	}
	j := &job{c: c, paths: paths}
	if j.output, err = wantOutput(c); err != nil {
		return nil, err
	}
	if j.reports, err = newReports(c, j.output); err != nil {
		return nil, err
	}
	if j.gates, err = readGates(c); err != nil {
		return nil, err
	}
	if j.opts, err = options(c); err != nil {
		return nil, err
	}
	models, done, err := loadAll(c, paths)
	if err != nil {
		return nil, err
	}
	if j.opts.Infer, err = inferOptions(c, models[0]); err != nil {
		done()
		return nil, err
	}
	j.models, j.a, j.b, j.close = models, models[0], models[1], done
	j.progress = newProgress(c)
	j.opts.Match.Progress, j.opts.Verify.Progress = j.progress.sweep, j.progress.runs
	return j, nil
}

// options reads the flags of rebasin.Options, but for those that name parts of a
// model: see inferOptions.
func options(c *cli.Context) (rebasin.Options, error) {
	var o rebasin.Options
	o.NoMatch = c.String("method") == "none"
	if o.Zip = c.String("method") == "zip"; o.Zip && c.Command.Name != "merge" {
		return o, usagef("--method zip is for merge: %s only reorders units", c.Command.Name)
	}
	switch c.String("method") {
	case "activation":
		o.Activation = &rebasin.Activation{Mix: c.Float64("mix")}
	case "ste":
		o.Learn = &rebasin.Learn{Epochs: c.Int("epochs"), Rate: c.Float64("rate")}
	}
	o.Symmetry = map[string][]permspec.FreedomKind{"scale": {permspec.Scale}, "orthogonal": {permspec.Orthogonal},
		"all": {permspec.Scale, permspec.Orthogonal}}[c.String("symmetry")]
	var err error
	if o.Spec, err = specDocument(c); err != nil {
		return o, err
	}
	if o.Match, err = searchOptions(c); err != nil {
		return o, err
	}
	o.NoVerify, o.AllowNonfinite = c.Bool("no-verify"), c.Bool("allow-nonfinite")
	if o.Verify, err = verifyOptions(c); err != nil {
		return o, err
	}
	return o, nil
}

// searchOptions reads the flags of solver.Options.
func searchOptions(c *cli.Context) (solver.Options, error) {
	o := solver.Options{Seed: uint64(c.Int64("seed")), Starts: c.Int("starts"), MaxSweeps: c.Int("max-sweeps"),
		MaxTime: c.Duration("max-time"), MaxMemory: maxMemory(c), Stop: searchStop(c.Context)}
	var err error
	if o.Effort, err = solver.ParseEffort(c.String("effort")); err != nil {
		return o, hinted{usagef("there is no effort %q", c.String("effort")), "the efforts are fast, default and max"}
	}
	if o.Normalize, err = solver.ParseNormalize(c.String("normalize")); err != nil {
		return o, hinted{usagef("there is no normalization %q", c.String("normalize")), "the normalizations are none, layer and unit"}
	}
	if o.MaxTime < 0 {
		return o, usagef("--max-time %v is negative", o.MaxTime)
	}
	return o, nil
}

func (j *job) saveOptions() onnxgraph.SaveOptions {
	o := onnxgraph.SaveOptions{Force: j.c.Bool("force"), Context: j.c.Context}
	for _, m := range j.models {
		o.Inputs = append(o.Inputs, m.Files()...)
	}
	return o
}

// conclude writes the model, unless a gate says no, and prints the report.
func (j *job) conclude(r *rebasin.Report, m *onnxgraph.Model) error {
	failed := j.gates.check(r)
	if failed != nil {
		j.output, failed = "", answerNo{fmt.Errorf("%w; no model was written", failed)}
	} else if err := emit(j.c, m, j.output, j.saveOptions()); err != nil {
		return err
	}
	return firstOf(j.finish(r), failed)
}

// finish completes the report with what every command knows, and prints it.
func (j *job) finish(r *rebasin.Report) error {
	r.Version, r.Command, r.Arguments, r.Seed = version(), j.c.Command.Name, arguments(j.c), j.c.Int64("seed")
	printHints(j.c, r.Hints)
	if j.c.Bool("json") || j.reports.wanted() {
		if err := digests(j.c, r, j.paths); err != nil {
			return err
		}
		if j.output != "" && j.output != dash {
			d, err := rebasin.DigestFile(j.output)
			if err != nil {
				return err
			}
			r.Output = &d
		}
	}
	if err := j.reports.write(r); err != nil {
		return err
	}
	if j.c.Bool("json") {
		return writeJSON(j.c.App.Writer, r)
	}
	if !j.c.Bool("quiet") {
		summarise(wordsTo(j.c), r, j.output)
	}
	return nil
}
