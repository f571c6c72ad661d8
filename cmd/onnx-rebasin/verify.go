package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "do two models compute the same function? exit 3 when they do not",
		UsageText: "onnx-rebasin verify A.onnx B.onnx\n\nExample: onnx-rebasin verify model.onnx shuffled.onnx --data test.npz",
		Flags:     join([]cli.Flag{seedFlag()}, dataFlags(), verifyFlags(), backendFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action:    verify,
	}
}

func verify(c *cli.Context) error {
	paths, err := files(c, 2, 2)
	if err != nil {
		return err
	}
	models, done, err := loadAll(paths)
	if err != nil {
		return err
	}
	defer done()
	opts := verifyOptions(c)
	if opts.Data, err = openData(c, models[0], c.String("data")); err != nil {
		return err
	}
	if opts.Data != nil {
		defer opts.Data.Close()
	}
	v, err := eval.Verify(c.Context, models[0], models[1], opts)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := writeJSON(c.App.Writer, rebasin.Report{Version: version(), Command: "verify", Seed: c.Int64("seed"), Verify: v}); err != nil {
			return err
		}
	} else if !c.Bool("quiet") && v.OK {
		fmt.Fprintf(c.App.Writer, "%s and %s compute the same: %s\n", paths[0], paths[1], rebasin.Describe(v))
	}
	if !v.OK {
		return answerNo{fmt.Errorf("%s and %s are not shown to compute the same: %w", paths[0], paths[1], errors.New(rebasin.Describe(v)))}
	}
	return nil
}

func evalCommand() *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "loss and accuracy of a model on a data set",
		UsageText: "onnx-rebasin eval M.onnx --data test.npz\n\nExample: onnx-rebasin eval model.onnx --data test.npz --json",
		Flags:     join(dataFlags(), backendFlags(), []cli.Flag{seedFlag(), jsonFlag(), quietFlag()}),
		Action:    evaluate,
	}
}

func evaluate(c *cli.Context) error {
	path, err := oneFile(c)
	if err != nil {
		return err
	}
	if c.String("data") == "" {
		return hinted{usagef("eval needs data"), "add --data test.npz"}
	}
	m, err := onnxgraph.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	set, err := openData(c, m, c.String("data"))
	if err != nil {
		return err
	}
	defer set.Close()
	r, err := eval.Open(m, openOptions(c))
	if err != nil {
		return err
	}
	defer r.Close()
	opts, err := evaluateOptions(c)
	if err != nil {
		return err
	}
	p := newProgress(c)
	opts.Progress = p.samples
	metrics, err := eval.Evaluate(c.Context, r, set, opts)
	p.done()
	if err != nil {
		return err
	}
	for _, h := range set.Hints {
		fmt.Fprintf(c.App.ErrWriter, "onnx-rebasin: hint: %s\n", h)
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, rebasin.Report{Version: version(), Command: "eval", Seed: c.Int64("seed"), Backend: r.Backend, Eval: &rebasin.EvalReport{Samples: metrics.Samples, A: metrics}})
	}
	fmt.Fprintf(c.App.Writer, "%s: loss %.4f, accuracy %.2f %% over %d samples (%s)\n", path, metrics.Loss, 100*metrics.Accuracy, metrics.Samples, r.Backend)
	return nil
}
