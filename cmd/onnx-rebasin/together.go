package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// companion is what flags need beside them to have a meaning.
type companion struct {
	flags, needs string // --needs is what the error asks for
	there        func(*cli.Context) bool
}

var companions = []companion{
	{"calib-limit", "--calib train.npz", has("calib")},
	{"labels loss limit judge ignore-label scale mean std image-size", "data: --data test.npz", has("data", "calib", "train-data")},
	{"keep-graph", "--calib train.npz", has("calib")},
	{"mix", "--method activation", among("method", "activation")},
	{"epochs rate", "--method ste", among("method", "ste")},
	{"many reference", "three models or more", func(c *cli.Context) bool { return c.NArg() > 2 }},
	{"with times", "--series a1.onnx,a2.onnx", has("series")},
}

// together refuses flags of which nothing would come, as they stand.
func together(c *cli.Context) error {
	for _, k := range companions {
		for flag := range strings.FieldsSeq(k.flags) {
			if c.IsSet(flag) && c.String(flag) != "" && !k.there(c) {
				return usagef("--%s needs %s", flag, k.needs)
			}
		}
	}
	return nil
}

// has wants one of some flags.
func has(flags ...string) func(*cli.Context) bool {
	return func(c *cli.Context) bool {
		return slices.ContainsFunc(flags, func(f string) bool { return c.String(f) != "" })
	}
}

// among wants a flag to have one of some values.
func among(flag string, values ...string) func(*cli.Context) bool {
	return func(c *cli.Context) bool { return slices.Contains(values, c.String(flag)) }
}
