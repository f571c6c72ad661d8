package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func permuteCommand() *cli.Command {
	return &cli.Command{
		Name:      "permute",
		Usage:     "write the model with its hidden units in random order: other weights, same function",
		UsageText: "onnx-rebasin permute M.onnx -o out.onnx\n\nExample: onnx-rebasin permute model.onnx --seed 3 -o shuffled.onnx",
		Flags:     join(outputFlags(), []cli.Flag{seedFlag(), quietFlag()}, specFlags()),
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
	out, err := wantOutput(c, path)
	if err != nil {
		return err
	}
	m, err := onnxgraph.Load(path)
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
	if err := shuffled.Save(out, onnxgraph.SaveOptions{Force: c.Bool("force"), Context: c.Context}); err != nil {
		return err
	}
	if !c.Bool("quiet") {
		fmt.Fprintf(c.App.Writer, "%s: %s permuted, %.0f %% of the free slots moved\n", out, count(len(spec.Groups), "group"), 100*spec.Moved(p))
	}
	return nil
}
