package main

import (
	"strconv"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// dataFlags name a data set to judge models on.
func dataFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: "judge the models on `FILE`: .npz, .npy, IDX (.gz too), CSV, a folder of images or an ONNX test_data_set"},
		&cli.StringFlag{Name: "labels", Usage: "array, column or file of the labels in --data"},
		&cli.StringFlag{Name: "judge", Usage: "judge the output `NAME`; empty: the first floating-point one"},
		&cli.StringFlag{Name: "loss", Usage: "what the outputs are: logits, probabilities, log-probabilities, binary, binary-logits or mse; empty: by the last operator"},
		&cli.StringFlag{Name: "ignore-label", Usage: "`NUMBERS` of labels that do not count, such as -100"},
		&cli.Float64Flag{Name: "scale", Usage: "factor for integer data; 0: 1/255 for uint8", Action: finite("scale")},
		&cli.StringFlag{Name: "mean", Usage: "`NUMBERS` subtracted after scaling, one or one a channel: 0.485,0.456,0.406"},
		&cli.StringFlag{Name: "std", Usage: "`NUMBERS` divided by after that"},
		&cli.StringFlag{Name: "image-size", Usage: "`HEIGHTxWIDTH` of images read from a folder; empty: the model's"},
		&cli.IntFlag{Name: "limit", Usage: "use the first `N` samples only", Action: notNegative[int]("limit")},
		&cli.IntFlag{Name: "batch", Usage: "samples run at a time; 0: the usual number", Action: notNegative[int]("batch")},
	}
}

func mergeCommand() *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "align models, average them, check, and write one model",
		UsageText: "onnx-rebasin merge A.onnx B.onnx [C.onnx …] -o merged.onnx\n\nExample: onnx-rebasin merge a.onnx b.onnx -o merged.onnx --data test.npz",
		Flags: join(outputFlags(), []cli.Flag{lambdaFlag()},
			manyFlags(), matchFlags(), calibFlags(), dataFlags(), verifyFlags(), gateFlags(), []cli.Flag{dropFlag(), provenanceFlag()}, specFlags(), backendFlags(), reportFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action: merge,
	}
}

func merge(c *cli.Context) error {
	j, err := newJob(c, 1000)
	if err != nil {
		return err
	}
	defer j.close()
	set, err := openData(c, c.String("data"), j.a)
	if err != nil {
		return err
	}
	if set != nil {
		defer set.Close()
		few, err := j.samples()
		if err != nil {
			return err
		}
		if few != nil {
			defer few.Close()
		}
		j.opts.Verify.Fallback = few
	}
	if err := j.calibrate(); err != nil {
		return err
	}
	if len(j.models) > 2 {
		return j.mergeMany(set)
	}
	if j.opts.Lambda, err = lambda(c); err != nil {
		return err
	}
	merged, err := rebasin.Merge(c.Context, j.a, j.b, j.opts)
	j.progress.done()
	if err != nil {
		return checked(err)
	}
	r := merged.Report()
	r.Lambda, r.Lambdas, r.Zip, r.Repair, r.Hints = &merged.Lambda, merged.Lambdas, merged.Zip, merged.Repair, merged.Hints()
	r.Chosen = j.opts.Calib != nil && j.opts.Calib.Lambda
	if set != nil {
		r.Hints = append(r.Hints, set.Hints...)
		opts, err := j.judgeOptions()
		if err != nil {
			return err
		}
		if r.Eval, r.Backend, err = merged.Judge(c.Context, j.a, j.b, set, opts); err != nil {
			return err
		}
		j.progress.done()
		r.Hints = append(r.Hints, r.Eval.Hints(merged.Match != nil && merged.Match.Moved > 0, r.Repair != nil)...)
	}
	if err := j.detail(&r, &merged.Alignment); err != nil {
		return err
	}
	if err := j.curve(&r, merged, set); err != nil {
		return err
	}
	signed, err := j.sign(&r, merged.Spec, merged.Model)
	if err != nil {
		return err
	}
	return j.conclude(&r, signed)
}

// reportPoints is how many λ a merge is judged at for a report.
const reportPoints = 11

// curve adds to a report how the averages along λ do on labelled data.
func (j *job) curve(r *rebasin.Report, merged *rebasin.Merged, set *dataset.Set) error {
	if !j.reports.wanted() || set == nil || !set.HasLabels() {
		return nil
	}
	opts, err := j.judgeOptions()
	if err != nil {
		return err
	}
	b, err := merged.Barriers(j.c.Context, j.a, j.b, rebasin.BarrierOptions{Points: reportPoints, Data: set, Open: opts.Open, Evaluate: opts.Evaluate, Progress: j.progress.samples})
	j.progress.done()
	if err != nil {
		return err
	}
	along := b.Report()
	r.Curve, r.Barrier = along.Curve, along.Barrier
	return nil
}

// samples opens a few samples of --data to check π(B) on, for models that do
// not take generated inputs; nil when models name their inputs differently.
func (j *job) samples() (*dataset.Set, error) {
	for _, m := range j.models[2:] {
		for i, v := range m.Graph.Inputs {
			if i >= len(j.b.Graph.Inputs) || j.b.Graph.Inputs[i].Name != v.Name {
				return nil, nil
			}
		}
	}
	const enough = 64
	limit := j.c.Int("limit")
	if limit == 0 || limit > enough {
		limit = enough
	}
	set, err := openSamples(j.c, j.c.String("data"), limit, j.b)
	if err != nil {
		if _, differ := onnxgraph.Correspond(j.a, j.b); differ != nil {
			return nil, checked(differ) // which is why the data, which A takes, are none for B
		}
	}
	return set, err
}

// judgeOptions reads the flags that say how models are run and judged.
func (j *job) judgeOptions() (rebasin.JudgeOptions, error) {
	o, err := evaluateOptions(j.c)
	o.Progress = j.progress.samples
	return rebasin.JudgeOptions{Open: openOptions(j.c), Evaluate: o}, err
}

func evaluateOptions(c *cli.Context) (eval.EvaluateOptions, error) {
	o := eval.EvaluateOptions{Output: c.String("judge"), Batch: c.Int("batch"), Seed: uint64(c.Int64("seed"))}
	if name := c.String("loss"); name != "" {
		var err error
		if o.Loss, err = eval.ParseLoss(name); err != nil {
			return o, usageError{err}
		}
	}
	for _, word := range commas(c.String("ignore-label")) {
		label, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return o, usagef("--ignore-label: %q is not a whole number", word)
		}
		o.Ignore = append(o.Ignore, label)
	}
	return o, nil
}
