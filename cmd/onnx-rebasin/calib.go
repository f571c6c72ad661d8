package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
)

// samplesFlags name data to learn from.
func samplesFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "calib", Usage: "learn from `FILE`, samples like those the models were trained on; 1,000 are plenty"},
		&cli.IntFlag{Name: "calib-limit", Usage: "use the first `N` samples of --calib only", Action: notNegative[int]("calib-limit")},
	}
}

// calibFlags are samplesFlags and what the merged model gets from them.
func calibFlags() []cli.Flag {
	return append(samplesFlags(),
		&cli.StringFlag{Name: "repair", Usage: "what --calib is used for: bn, statistics of BatchNormalization; rescale, means and deviations of units; " +
			"lsq, each layer refitted; auto, the best of these on samples held back; distil, lsq and then gradients towards what the models say in the mean; none; empty: auto with --calib",
			Action: oneOf("repair", kinds()...)},
		&cli.BoolFlag{Name: "keep-graph", Usage: "repairs add no bias where an operator has left its own out"},
		&cli.StringFlag{Name: "temperature", Value: "none", Usage: "auto: divide the scores by what is best for --calib, in the last layer's weight; none", Action: oneOf("temperature", "auto", "none")})
}

func kinds() []string {
	var out []string
	for _, k := range repair.Kinds {
		out = append(out, string(k))
	}
	return out
}

// calibrate opens --calib for the options of a merge.
func (j *job) calibrate() error {
	kind := repair.Kind(j.c.String("repair"))
	path := j.c.String("calib")
	if path == "" {
		if kind != "" && kind != repair.None {
			return hinted{usagef("--repair %s needs data", kind), "add --calib train.npz"}
		}
		for _, needy := range []string{"method activation", "method ste", "method zip", "lambda auto", "lambda groups", "temperature auto"} {
			if name, value, _ := strings.Cut(needy, " "); j.c.String(name) == value {
				return hinted{usagef("--%s needs data", needy), "add --calib train.npz"}
			}
		}
		return nil
	}
	if kind == "" {
		kind = repair.Auto
	}
	set, err := openSamples(j.c, path, j.c.Int("calib-limit"), j.a)
	if err != nil {
		return err
	}
	done := j.close
	j.close = func() { set.Close(); done() }
	o := &rebasin.Calibration{Data: set, Repair: kind, Open: openOptions(j.c), Progress: j.progress.repair,
		Lambda: slices.Contains([]string{"auto", "groups"}, j.c.String("lambda")), Groups: j.c.String("lambda") == "groups", Temper: j.c.String("temperature") == "auto", KeepGraph: j.c.Bool("keep-graph")}
	if o.Evaluate, err = evaluateOptions(j.c); err != nil {
		return err
	}
	j.opts.Calib = o
	if j.opts.Learn != nil {
		j.opts.Learn.Progress = j.progress.learning
	}
	return nil
}
