package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "do two models compute the same function? exit 3 when they do not",
		UsageText: "onnx-rebasin verify A.onnx B.onnx\n\nExample: onnx-rebasin verify model.onnx shuffled.onnx --data test.npz",
		Flags: join([]cli.Flag{
			&cli.BoolFlag{Name: "all-values", Usage: "when the models differ, find the first value inside them that does"},
			&cli.IntFlag{Name: "samples", Usage: "generated inputs to try; 0: as many as the models are worth", Action: notNegative[int]("samples")},
			seedFlag()}, dataFlags(), verifyFlags(), gateFlags(), backendFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action: verify,
	}
}

func verify(c *cli.Context) error {
	paths, err := files(c, 2, 2)
	if err != nil {
		return err
	}
	required, err := readGates(c)
	if err != nil {
		return err
	}
	models, done, err := loadAll(c, paths)
	if err != nil {
		return err
	}
	defer done()
	opts, err := verifyOptions(c)
	if err != nil {
		return err
	}
	opts.AllValues, opts.Samples, opts.Batch = c.Bool("all-values"), c.Int("samples"), c.Int("batch")
	if opts.Data, err = openData(c, c.String("data"), models...); err != nil {
		return err
	}
	if opts.Data != nil {
		defer opts.Data.Close()
	}
	p := newProgress(c)
	opts.Progress = p.runs
	v, err := eval.Verify(c.Context, models[0], models[1], opts)
	p.done()
	if err != nil {
		return err
	}
	r := rebasin.Report{Verify: v}
	failed := required.check(&r)
	if c.Bool("json") {
		if err := describeRun(c, &r, paths); err != nil {
			return err
		}
		if err := writeJSON(c.App.Writer, r); err != nil {
			return err
		}
	} else if !c.Bool("quiet") {
		if v.OK {
			fmt.Fprintf(c.App.Writer, "%s and %s compute the same: %s\n", paths[0], paths[1], rebasin.Describe(v))
		}
		differences(c.App.Writer, v)
		printGates(c.App.Writer, r.Gates)
	}
	if v.OK {
		return failed
	}
	err = answerNo{fmt.Errorf("%s and %s are not shown to compute the same: %w", paths[0], paths[1], errors.New(rebasin.Describe(v)))}
	if v.Verdict == eval.Inconclusive && opts.Data == nil {
		return hinted{err, "give real inputs with --data, or their shapes and ranges with --shape, --value and --range"}
	}
	return err
}

// differences prints the outputs, one a line, and where the models part.
func differences(w io.Writer, v *eval.Verification) {
	if len(v.Outputs) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "output\tmax |a-b|\tmean |a-b|\tmax relative\tmean relative\tagrees")
	for _, o := range v.Outputs {
		agrees := "yes"
		switch {
		case !o.OK:
			agrees = "no"
		case !o.Informative:
			agrees = "cannot tell"
		}
		fmt.Fprintf(t, "%s\t%.3g\t%.3g\t%.3g\t%.3g\t%s\n", o.Name, o.MaxAbs, o.MeanAbs, o.MaxRel, o.MeanRel, agrees)
	}
	t.Flush()
	if d := v.Diverging; d != nil {
		how := fmt.Sprintf("by %.3g, where %.3g is allowed", d.MaxAbs, d.Limit)
		switch {
		case d.Mean:
			how = fmt.Sprintf("by %.3g in the mean, where %.3g is allowed", d.MaxAbs, d.Limit)
		case d.Reordered:
			how = "in the order of its elements only"
		}
		fmt.Fprintf(w, "first value to differ: %s, computed by %s, %s\n", d.Value, d.Node, how)
	}
}

// verifyOptions reads the flags of verifyFlags.
func verifyOptions(c *cli.Context) (eval.VerifyOptions, error) {
	o := eval.VerifyOptions{Open: openOptions(c), Atol: c.Float64("atol"), Rtol: c.Float64("rtol"), Seed: uint64(c.Int64("seed")), Inputs: map[string]eval.InputSpec{}}
	for flag, read := range map[string]func(string, *eval.InputSpec) error{
		"shape": func(text string, in *eval.InputSpec) (err error) { in.Shape, err = eval.ParseShape(text); return err },
		"value": func(text string, in *eval.InputSpec) error {
			v, err := fraction(text, false)
			in.Value = &v
			return err
		},
		"range": readRange,
	} {
		for _, text := range c.StringSlice(flag) {
			name, rest, ok := strings.Cut(text, "=")
			in := o.Inputs[name]
			if err := read(rest, &in); err != nil || !ok {
				return o, hinted{usagef("--%s %q cannot be read", flag, text), "write --shape x=1x3x224x224, --value sr=16000, --range x=0:255"}
			}
			o.Inputs[name] = in
		}
	}
	return o, nil
}

// readRange reads LOW:HIGH.
func readRange(text string, in *eval.InputSpec) error {
	low, high, _ := strings.Cut(text, ":")
	var errLow, errHigh error
	in.Low, errLow = fraction(low, false)
	in.High, errHigh = fraction(high, false)
	if err := errors.Join(errLow, errHigh); err != nil {
		return err
	}
	if !(in.High > in.Low) {
		return errors.New("the range is empty")
	}
	return nil
}
