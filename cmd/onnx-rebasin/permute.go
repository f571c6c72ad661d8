package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func permuteCommand() *cli.Command {
	return &cli.Command{
		Name:      "permute",
		Usage:     "write the model with its hidden units in random order: other weights, same function",
		UsageText: "onnx-rebasin permute M.onnx -o out.onnx\n\nExample: onnx-rebasin permute model.onnx --seed 3 -o shuffled.onnx",
		Flags:     join(outputFlags(), []cli.Flag{seedFlag()}, specFlags(), []cli.Flag{jsonFlag(), quietFlag()}),
		Action:    permute,
	}
}

func join(lists ...[]cli.Flag) []cli.Flag {
	var out []cli.Flag
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func permute(c *cli.Context) error {
	path, err := oneFile(c)
	if err != nil {
		return err
	}
	out, err := wantOutput(c)
	if err != nil {
		return err
	}
	m, err := load(c, path)
	if err != nil {
		return err
	}
	defer m.Close()
	spec, err := inferSpec(c, m)
	if err != nil {
		return err
	}
	p := spec.Random(rand.New(rand.NewPCG(uint64(c.Int64("seed")), 0)))
	shuffled, err := spec.Apply(m, p)
	if err != nil {
		return err
	}
	if err := emit(c, shuffled, out, onnxgraph.SaveOptions{Force: c.Bool("force"), Context: c.Context}); err != nil {
		return err
	}
	return reportPermuted(c, spec, m, p, path, out)
}

// reportPermuted prints what permute did.
func reportPermuted(c *cli.Context, spec *permspec.Spec, m *onnxgraph.Model, p permspec.Perms, path, out string) error {
	summary := spec.Summary()
	r := rebasin.Report{Spec: &summary}
	var err error
	if r.IO, err = rebasin.IOOrders(spec, m, p); err != nil {
		return err
	}
	r.Hints = ioHints(r.IO)
	if err := describeRun(c, &r, []string{path}); err != nil {
		return err
	}
	if c.Bool("json") {
		d, err := rebasin.DigestFile(out)
		if err != nil {
			return err
		}
		r.Output = &d
		return writeJSON(c.App.Writer, r)
	}
	if !c.Bool("quiet") {
		fmt.Fprintf(wordsTo(c), "%s: %s permuted, %.0f %% of the free slots moved\n", out, count(len(spec.Groups), "group"), 100*spec.Moved(p))
	}
	return nil
}
