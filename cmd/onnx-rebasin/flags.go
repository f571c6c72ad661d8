package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print the result as JSON"}
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the model to `FILE`; - for standard output"},
		&cli.BoolFlag{Name: "force", Usage: "replace an existing output"},
	}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors"}
}

func seedFlag() cli.Flag {
	return &cli.Int64Flag{Name: "seed", Usage: "seed of everything random"}
}

// specFlags choose the symmetry group.
func specFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "spec", Usage: "use the permutation groups of `FILE`, an edited inspect --json"},
		&cli.StringSliceFlag{Name: "freeze", Usage: "do not permute weights whose name matches `PATTERN` (* and ? as in file names)"},
		&cli.StringSliceFlag{Name: "free-io", Usage: "let the axes of the graph input or output `NAME` be permuted; IN=OUT for a state that is fed back"},
	}
}

func backendFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "backend", Value: eval.Auto, Usage: "what runs the models: auto, onnx-go or onnxruntime", Action: oneOf("backend", eval.Auto, eval.OnnxGo, eval.OnnxRuntime)},
		&cli.StringFlag{Name: "ort-lib", Usage: "ONNX Runtime's shared library is `PATH`", Action: existing("ort-lib")},
		&cli.Float64Flag{Name: "max-memory", Usage: "a run on onnx-go, and matching a group, takes at most `GB` of memory, besides weights and inputs; 0: 2, and 32 times the weights", Action: notNegative[float64]("max-memory")},
	}
}

func verifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "atol", Usage: "absolute tolerance of the check; 0: by the outputs' type", Action: notNegative[float64]("atol")},
		&cli.Float64Flag{Name: "rtol", Usage: "relative tolerance of the check; 0: by the outputs' type", Action: notNegative[float64]("rtol")},
		&cli.StringSliceFlag{Name: "shape", Usage: "`NAME=SIZES` of a generated input, such as x=1x3x224x224"},
		&cli.StringSliceFlag{Name: "value", Usage: "`NAME=NUMBER` that all elements of a generated input have, such as sr=16000"},
		&cli.StringSliceFlag{Name: "range", Usage: "`NAME=LOW:HIGH` of the elements of a generated input, such as x=0:255"},
	}
}

func openOptions(c *cli.Context) eval.OpenOptions {
	return eval.OpenOptions{Backend: c.String("backend"), Library: c.String("ort-lib"), MaxMemory: maxMemory(c)}
}

// maxMemory is --max-memory in bytes.
func maxMemory(c *cli.Context) int64 { return int64(c.Float64("max-memory") * (1 << 30)) }

// files returns the file arguments, of which there have to be from min to max.
func files(c *cli.Context, min, max int) ([]string, error) {
	n := c.NArg()
	if n >= min && n <= max {
		return c.Args().Slice(), nil
	}
	want := count(min, "model file")
	switch {
	case max == 0:
		want = "no files"
	case max >= 1000:
		want += " or more"
	case max > min:
		want = fmt.Sprintf("%d to %d model files", min, max)
	}
	return nil, hinted{usagef("%s takes %s, not %d", c.Command.Name, want, n), "onnx-rebasin " + c.Command.Name + " --help"}
}

func oneFile(c *cli.Context) (string, error) {
	list, err := files(c, 1, 1)
	if err != nil {
		return "", err
	}
	return list[0], nil
}

// loadAll loads models; the caller closes them.
func loadAll(c *cli.Context, paths []string) ([]*onnxgraph.Model, func(), error) {
	var models []*onnxgraph.Model
	done := func() {
		for _, m := range models {
			m.Close()
		}
	}
	for _, p := range paths {
		m, err := load(c, p)
		if err != nil {
			done()
			return nil, nil, err
		}
		models = append(models, m)
	}
	return models, done, nil
}

// inferOptions reads --freeze and --free-io, which have to name something in m.
func inferOptions(c *cli.Context, m *onnxgraph.Model) (permspec.Options, error) {
	freeze, free := c.StringSlice("freeze"), c.StringSlice("free-io")
	for _, p := range freeze {
		if _, err := path.Match(p, ""); err != nil {
			return permspec.Options{}, usagef("--freeze %q is not a pattern", p)
		}
		if !slices.ContainsFunc(m.Weights(), func(w *onnxgraph.Weight) bool { return matches(p, w.Name) }) {
			return permspec.Options{}, hinted{fmt.Errorf("--freeze %q matches no weight of %s", p, m.Path), "onnx-rebasin inspect lists the weights"}
		}
	}
	states, err := freed(m, free)
	if err != nil {
		return permspec.Options{}, err
	}
	isFree := func(v *onnxgraph.Value) bool {
		return slices.ContainsFunc(states, func(s [2]*onnxgraph.Value) bool { return s[0] == v || s[1] == v })
	}
	return permspec.Options{
		Freeze: func(w *onnxgraph.Weight) bool {
			return slices.ContainsFunc(freeze, func(p string) bool { return matches(p, w.Name) })
		},
		FreeIO:    isFree,
		Recurrent: slices.DeleteFunc(slices.Clone(states), func(s [2]*onnxgraph.Value) bool { return s[0] == s[1] }),
	}, nil
}

// freed finds the inputs and outputs of --free-io: NAME is a pair of one value
// with itself, IN=OUT an input with the output that is fed to it.
func freed(m *onnxgraph.Model, names []string) ([][2]*onnxgraph.Value, error) {
	find := func(name string, among []*onnxgraph.Value) (*onnxgraph.Value, error) {
		var has []string
		for _, v := range among {
			if v.Name == name {
				return v, nil
			}
			has = append(has, v.Name)
		}
		return nil, hinted{fmt.Errorf("--free-io %q is no input or output of %s that can stand there", name, m.Path), "there are " + strings.Join(has, ", ")}
	}
	var out [][2]*onnxgraph.Value
	for _, n := range names {
		in, fed, pair := strings.Cut(n, "=")
		ends := slices.Concat(m.Graph.Inputs, m.Graph.Outputs)
		if pair {
			ends = m.Graph.Inputs
		}
		a, err := find(in, ends)
		if err != nil {
			return nil, err
		}
		b := a
		if pair {
			if b, err = find(fed, m.Graph.Outputs); err != nil {
				return nil, err
			}
		}
		out = append(out, [2]*onnxgraph.Value{a, b})
	}
	return out, nil
}

// matches reports whether a pattern fits a name. Slashes, which weights have in
// their names, are like other characters.
func matches(pattern, name string) bool {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, _ := path.Match(flat(pattern), flat(name))
	return ok
}

// specDocument reads --spec; nil when it is not given.
func specDocument(c *cli.Context) (*permspec.Document, error) {
	file := c.String("spec")
	if file == "" {
		return nil, nil
	}
	if c.IsSet("free-io") {
		return nil, usagef("--free-io cannot be given with --spec, which says what is free")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Spec *permspec.Document `json:"spec"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if doc.Spec == nil {
		return nil, fmt.Errorf("%s has no \"spec\": inspect --json writes one", file)
	}
	return doc.Spec, nil
}

// inferSpec is the Spec of one model as the flags ask for it.
func inferSpec(c *cli.Context, m *onnxgraph.Model) (*permspec.Spec, error) {
	doc, err := specDocument(c)
	if err != nil {
		return nil, err
	}
	opts, err := inferOptions(c, m)
	if err != nil {
		return nil, err
	}
	spec, err := permspec.Infer(m, opts)
	if err != nil || doc == nil {
		return spec, err
	}
	return spec.Restrict(*doc, m)
}
