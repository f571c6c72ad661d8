package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "how far apart two models are, layer by layer; exit 3 when their architectures differ",
		UsageText: "onnx-rebasin diff A.onnx B.onnx\n\nExample: onnx-rebasin diff a.onnx b.onnx --effort fast",
		Flags:     join(searchFlags(), specFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action:    diff,
	}
}

func diff(c *cli.Context) error {
	paths, err := files(c, 2, 2)
	if err != nil {
		return err
	}
	opts, err := options(c)
	if err != nil {
		return err
	}
	models, done, err := loadAll(c, paths)
	if err != nil {
		return err
	}
	defer done()
	if opts.Infer, err = inferOptions(c, models[0]); err != nil {
		return err
	}
	p := newProgress(c)
	opts.Match.Progress = p.sweep
	d, err := rebasin.Compare(c.Context, models[0], models[1], opts)
	p.done()
	var r rebasin.Report
	var differ *onnxgraph.Difference
	switch {
	case errors.As(err, &differ):
		r.Difference = differ
	case err != nil:
		return err
	default:
		r = d.Report()
		r.Hints = d.Hints()
	}
	if err := describeRun(c, &r, paths); err != nil {
		return err
	}
	switch {
	case c.Bool("json"):
		if err := writeJSON(c.App.Writer, r); err != nil {
			return err
		}
	case differ == nil && !c.Bool("quiet"):
		diffTable(c.App.Writer, &r)
	}
	return checked(err)
}

// diffTable prints the distances, one weight a line.
func diffTable(w io.Writer, r *rebasin.Report) {
	fmt.Fprintf(w, "one architecture: %s, %s; %.1f %% of the parameters can move\n", count(r.Spec.Groups, "group"), count(r.Spec.FreeSlots, "free slot"),
		100*float64(r.Spec.Permutable)/float64(max(r.Spec.Parameters, 1)))
	fmt.Fprintf(w, "%v\n", r.Kinship)
	if m := r.Match; m != nil {
		fmt.Fprintf(w, "distance %.4f as they stand, %.4f aligned, with %.0f %% of the slots moved\n\n", m.L2Before, m.L2After, 100*m.Moved)
	}
	if len(r.Layers) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "as they stand\taligned\tshare\t shape\t weight")
	for _, l := range r.Layers {
		share := fmt.Sprintf("%.1f %%", 100*l.Share)
		if l.Statistics {
			share = "–"
		}
		fmt.Fprintf(t, "%.4f\t%.4f\t%s\t%s\t%s\n", l.RelativeBefore, l.RelativeAfter, share, " "+shape(l.Shape), " "+l.Weight)
	}
	t.Flush()
	fmt.Fprint(w, "\ndistances are relative: 0 for equal weights, 1.41 for unrelated, 2 for opposite ones\n")
	if carriers := rebasin.Carriers(r.Layers, mostOfIt); len(carriers) > 0 {
		var names []string
		sum := 0.0
		for _, l := range carriers {
			names = append(names, l.Weight)
			sum += l.Share
		}
		fmt.Fprintf(w, "%.0f %% of what is left lies in %s\n", 100*sum, strings.Join(names, ", "))
	}
}

// mostOfIt is the part of the distance whose carriers are named.
const mostOfIt = 0.8
