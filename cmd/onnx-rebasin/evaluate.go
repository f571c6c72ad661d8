package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

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
	fmt.Fprintf(c.App.Writer, "%s: loss %.4f, accuracy %s over %d samples (%s)\n", path, metrics.Loss, percent(metrics.Accuracy), metrics.Samples, r.Backend)
	return nil
}
