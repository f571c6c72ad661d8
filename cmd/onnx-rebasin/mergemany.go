package main

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// manyFlags are about merging more than two models.
func manyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "weights", Usage: "weights of the models in the average, as `W,W,…`; the same for all when left out"},
		&cli.StringFlag{Name: "many", Usage: "how three models or more are aligned: star, each with the reference; mean, each with the mean of the others; joint, all at once; empty: joint up to " +
			strconv.Itoa(solver.JointUpTo) + " models, star above", Action: wayOfMany},
		&cli.StringFlag{Name: "reference", Usage: "the model `FILE`, one of those given, that --many star aligns with; empty: the first"},
	}
}

// wayOfMany is the law of --many.
func wayOfMany(_ *cli.Context, way string) error {
	switch solver.ManyMethod(way) {
	case "", solver.Star, solver.Mean, solver.Joint:
		return nil
	}
	return hinted{usagef("there is no way %q to align many models", way), "--many takes star, mean and joint"}
}

// weights reads --weights for n models; nil when it is not given.
func weights(c *cli.Context, n int) ([]float64, error) {
	text := c.String("weights")
	if text == "" {
		return nil, nil
	}
	if c.IsSet("lambda") {
		return nil, usagef("--lambda and --weights are two ways to say one thing")
	}
	var out []float64
	for part := range strings.SplitSeq(text, ",") {
		w, err := fraction(strings.TrimSpace(part), false)
		if err != nil {
			return nil, usagef("--weights %q: %q is not a number", text, part)
		}
		out = append(out, w)
	}
	if len(out) != n {
		return nil, usagef("--weights %q has %d weights for %d models", text, len(out), n)
	}
	sum := 0.0
	for _, w := range out {
		sum += w
	}
	if !(sum > 0 || sum < 0) || math.IsInf(sum, 0) {
		return nil, usagef("--weights %q sum to %v", text, sum)
	}
	return out, nil
}

// lambda reads the weight of B: --lambda, or --weights for two models.
func lambda(c *cli.Context) (float64, error) {
	w, err := weights(c, 2)
	if err != nil || w == nil {
		l, _ := strconv.ParseFloat(c.String("lambda"), 64) // 0 for auto
		if err == nil && math.Abs(l) > 1e6 {
			err = usagef("--lambda %s: no average of weights is that far from them", c.String("lambda"))
		}
		return l, err
	}
	return w[1] / (w[0] + w[1]), nil
}

// manyOptions reads the flags of rebasin.ManyOptions.
func (j *job) manyOptions() (rebasin.ManyOptions, error) {
	o := rebasin.ManyOptions{Options: j.opts, Progress: j.progress.round}
	if j.c.IsSet("lambda") {
		return o, hinted{usagef("--lambda is for two models"), "--weights gives each of " + strconv.Itoa(len(j.paths)) + " models a weight"}
	}
	if o.Symmetry != nil {
		return o, usagef("--symmetry is for two models")
	}
	if o.Zip {
		return o, usagef("--method zip is for two models")
	}
	var err error
	if o.Weights, err = weights(j.c, len(j.paths)); err != nil {
		return o, err
	}
	o.Many = solver.ManyMethod(j.c.String("many"))
	if ref := j.c.String("reference"); ref != "" {
		at := slices.IndexFunc(j.paths, func(p string) bool { return filepath.Clean(p) == filepath.Clean(ref) })
		if at < 0 {
			return o, usagef("--reference %s is none of the models", ref)
		}
		o.Reference = at
		if o.Many = cmp.Or(o.Many, solver.Star); o.Many != solver.Star {
			return o, usagef("--reference is for --many star: %s has none", o.Many)
		}
	}
	if (o.Activation != nil || o.Learn != nil) && (o.Many != "" && o.Many != solver.Star || o.Reference != 0) {
		return o, usagef("--method %s matches each model with the first: not --many %s, nor another --reference", j.c.String("method"), cmp.Or(o.Many, solver.Star))
	}
	return o, nil
}

// mergeMany is merge for three models or more.
func (j *job) mergeMany(set *dataset.Set) error {
	opts, err := j.manyOptions()
	if err != nil {
		return err
	}
	merged, err := rebasin.MergeMany(j.c.Context, j.models, opts)
	j.progress.done()
	if err != nil {
		return checked(err)
	}
	r := merged.Report()
	r.Repair, r.Hints = merged.Repair, merged.Hints()
	if set != nil {
		r.Hints = append(r.Hints, set.Hints...)
		opts, err := j.judgeOptions()
		if err != nil {
			return err
		}
		if r.Eval, r.Backend, err = merged.Judge(j.c.Context, j.models, set, opts); err != nil {
			return err
		}
		j.progress.done()
		r.Hints = append(r.Hints, r.Eval.Hints(merged.Match != nil && merged.Match.Moved > 0, r.Repair != nil)...)
	}
	signed, err := j.sign(&r, merged.Spec, merged.Model)
	if err != nil {
		return err
	}
	return j.conclude(&r, signed)
}

// letter names model k in tables: A, B, …, Z, A2, B2, ….
func letter(k int) string {
	s := string(rune('A' + k%26))
	if k >= 26 {
		s += strconv.Itoa(k/26 + 1)
	}
	return s
}
