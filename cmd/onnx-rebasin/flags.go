package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"

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
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the model to `FILE`"},
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
		&cli.StringSliceFlag{Name: "free-io", Usage: "let the axes of the graph input or output `NAME` be permuted"},
	}
}

func backendFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "backend", Value: eval.Auto, Usage: "what runs the models: auto, onnx-go or onnxruntime"},
		&cli.StringFlag{Name: "ort-lib", Usage: "ONNX Runtime's shared library is `PATH`"},
	}
}

func verifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "atol", Usage: "absolute tolerance of the check; 0: by the outputs' type"},
		&cli.Float64Flag{Name: "rtol", Usage: "relative tolerance of the check; 0: by the outputs' type"},
	}
}

func openOptions(c *cli.Context) eval.OpenOptions {
	return eval.OpenOptions{Backend: c.String("backend"), Library: c.String("ort-lib")}
}

// files returns the file arguments, of which there have to be from min to max.
func files(c *cli.Context, min, max int) ([]string, error) {
	n := c.NArg()
	if n >= min && n <= max {
		return c.Args().Slice(), nil
	}
	want := fmt.Sprint(min)
	switch {
	case max >= 1000:
		want += " or more"
	case max > min:
		want += fmt.Sprintf(" to %d", max)
	}
	return nil, hinted{usagef("%s takes %s model files, not %d", c.Command.Name, want, n), "onnx-rebasin " + c.Command.Name + " --help"}
}

func oneFile(c *cli.Context) (string, error) {
	list, err := files(c, 1, 1)
	if err != nil {
		return "", err
	}
	return list[0], nil
}

// loadAll loads models; the caller closes them.
func loadAll(paths []string) ([]*onnxgraph.Model, func(), error) {
	var models []*onnxgraph.Model
	done := func() {
		for _, m := range models {
			m.Close()
		}
	}
	for _, p := range paths {
		m, err := onnxgraph.Load(p)
		if err != nil {
			done()
			return nil, nil, err
		}
		models = append(models, m)
	}
	return models, done, nil
}

// inferOptions reads --freeze and --free-io.
func inferOptions(c *cli.Context) (permspec.Options, error) {
	freeze, free := c.StringSlice("freeze"), map[string]bool{}
	for _, p := range freeze {
		if _, err := path.Match(p, ""); err != nil {
			return permspec.Options{}, usagef("--freeze %q is not a pattern", p)
		}
	}
	for _, n := range c.StringSlice("free-io") {
		free[n] = true
	}
	return permspec.Options{
		Freeze: func(w *onnxgraph.Weight) bool {
			for _, p := range freeze {
				if ok, _ := path.Match(p, w.Name); ok {
					return true
				}
			}
			return false
		},
		FreeIO: func(v *onnxgraph.Value) bool { return free[v.Name] },
	}, nil
}

// specDocument reads --spec; nil when it is not given.
func specDocument(c *cli.Context) (*permspec.Document, error) {
	file := c.String("spec")
	if file == "" {
		return nil, nil
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
	opts, err := inferOptions(c)
	if err != nil {
		return nil, err
	}
	spec, err := permspec.Infer(m, opts)
	if err != nil || doc == nil {
		return spec, err
	}
	return spec.Restrict(*doc, m)
}

// wantOutput checks --output before any work is done.
func wantOutput(c *cli.Context) (string, error) {
	out := c.String("output")
	if out == "" {
		return "", hinted{usagef("%s needs an output file", c.Command.Name), "add -o out.onnx"}
	}
	if _, err := os.Lstat(out); err == nil && !c.Bool("force") {
		return "", hinted{fmt.Errorf("%s exists", out), "--force replaces it"}
	}
	return out, nil
}
