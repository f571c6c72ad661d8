package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
)

func evalCommand() *cli.Command {
	return &cli.Command{
		Name:  "eval",
		Usage: "loss and accuracy of a model on a data set, or how alike it answers to others",
		UsageText: "onnx-rebasin eval M.onnx --data test.npz\n" +
			"onnx-rebasin eval M.onnx --data unlabelled.npz --against A.onnx,B.onnx\n\nExample: onnx-rebasin eval model.onnx --data test.npz --json",
		Flags: join([]cli.Flag{
			&cli.StringFlag{Name: "against", Usage: "compare with `FILES` A.onnx,B.onnx,… and their ensemble; needs no labels"},
			&cli.BoolFlag{Name: "confusion", Usage: "print which classes are taken for which"},
		}, dataFlags(), gateFlags(), backendFlags(), []cli.Flag{seedFlag(), jsonFlag(), quietFlag()}),
		Action: evaluate,
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
	required, err := readGates(c)
	if err != nil {
		return err
	}
	opts, err := evaluateOptions(c)
	if err != nil {
		return err
	}
	against := commas(c.String("against"))
	paths := append([]string{path}, against...)
	models, done, err := loadAll(c, paths)
	if err != nil {
		return err
	}
	defer done()
	set, err := openData(c, c.String("data"), models[0])
	if err != nil {
		return err
	}
	defer set.Close()
	p := newProgress(c)
	opts.Progress = p.samples
	e, backend, err := rebasin.Evaluate(c.Context, models[0], models[1:], set, rebasin.JudgeOptions{Open: openOptions(c), Evaluate: opts})
	p.done()
	if err != nil {
		return err
	}
	for i, l := range e.Likeness {
		if l.To != "ensemble" {
			e.Likeness[i].To = against[i]
		}
	}
	r := rebasin.Report{Backend: backend, Eval: e, Hints: append(set.Hints, e.Hints(false, false)...)}
	failed := required.check(&r)
	if err := describeRun(c, &r, paths); err != nil {
		return err
	}
	if c.Bool("json") {
		return firstOf(writeJSON(c.App.Writer, r), failed)
	}
	if !c.Bool("quiet") {
		fmt.Fprintf(c.App.Writer, "%s on %s, %d samples, run by %s\n", path, filepath.Base(c.String("data")), e.Samples, backend)
		printMetrics(c.App.Writer, e, set, c.Bool("confusion"))
		printGates(c.App.Writer, r.Gates)
	}
	return failed
}

// printMetrics prints what there is of a model's metrics, one a line.
func printMetrics(w io.Writer, e *rebasin.EvalReport, set *dataset.Set, confusion bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if m := e.A; m != nil {
		fmt.Fprintf(t, "loss\t%.4f%s\t%s\n", m.Loss, between(m.LossInterval, "%.4f", 1), m.Kind)
		if m.Kind != eval.LossMSE {
			fmt.Fprintf(t, "accuracy\t%s%s\n", percent(m.Accuracy), between(m.AccuracyInterval, "%.2f", 100))
			if s := percent(m.Top5); s != "–" {
				fmt.Fprintf(t, "top-5\t%s\n", s)
			}
			fmt.Fprintf(t, "calibration error\t%.4f\n", m.ECE)
		}
	}
	for _, l := range e.Likeness {
		if l.Plain() {
			fmt.Fprintf(t, "as %s\tmean squared difference %.4f\n", l.To, l.MSE)
			continue
		}
		fmt.Fprintf(t, "as %s\t%s agree, KL %.4f nats\n", l.To, percent(l.Agreement), l.KL)
	}
	t.Flush()
	if confusion && e.A != nil {
		printConfusion(w, e.A.Confusion, set.Classes)
	}
}

// between prints a 95 % interval, "" where there is none.
func between(i eval.Interval, format string, scale float64) string {
	if i == (eval.Interval{}) {
		return ""
	}
	return fmt.Sprintf(" (95 %%: "+format+" to "+format+")", scale*i[0], scale*i[1])
}

// printConfusion prints how often each class, one a line, was taken for which,
// one a column, and how much of it was found.
func printConfusion(w io.Writer, counts [][]int, names []string) {
	name := func(i int) string {
		if i < len(names) {
			return names[i]
		}
		return strconv.Itoa(i)
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nclass, taken for\t")
	for i := range counts {
		fmt.Fprintf(t, "%s\t", name(i))
	}
	fmt.Fprintln(t, "right\t")
	for i, row := range counts {
		fmt.Fprintf(t, "%s\t", name(i))
		sum := 0
		for _, n := range row {
			sum += n
			fmt.Fprintf(t, "%d\t", n)
		}
		right := "–"
		if sum > 0 {
			right = percent(float64(row[i]) / float64(sum))
		}
		fmt.Fprintf(t, "%s\t\n", right)
	}
	t.Flush()
}
