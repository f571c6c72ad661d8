package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/fixtures"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "what runs models on this machine, where it was looked for, and how to get it",
		UsageText: "onnx-rebasin doctor\n\nExample: onnx-rebasin doctor --ort-lib /opt/onnxruntime/lib",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ort-lib", Usage: "ONNX Runtime's shared library is `PATH`"},
			jsonFlag(),
		},
		Action: doctor,
	}
}

// checkup is a Diagnosis and what running a model has shown.
type checkup struct {
	*eval.Diagnosis
	Checks []check `json:"checks"`
}

// check is one backend that has run a small network.
type check struct {
	Backend string `json:"backend"`
	OK      bool   `json:"ok"`
	Result  string `json:"result"`
}

func doctor(c *cli.Context) error {
	if _, err := files(c, 0, 0); err != nil {
		return err
	}
	opts := openOptions(c)
	d := checkup{Diagnosis: eval.Diagnose(opts)}
	d.Checks = append(d.Checks, tryBackend(c.Context, eval.OnnxGo, opts))
	if d.Runtime.OK {
		d.Checks = append(d.Checks, tryBackend(c.Context, eval.OnnxRuntime, opts))
	}
	if c.Bool("json") {
		err := writeJSON(c.App.Writer, struct {
			Version string  `json:"version"`
			Command string  `json:"command"`
			Doctor  checkup `json:"doctor"`
		}{version(), "doctor", d})
		if err != nil {
			return err
		}
	} else {
		printCheckup(c.App.Writer, d)
	}
	for _, k := range d.Checks {
		if !k.OK {
			return fmt.Errorf("%s does not run a small network: %s", k.Backend, k.Result)
		}
	}
	if d.Runtime.NamedBy != "" && !d.Runtime.OK {
		return fmt.Errorf("%s: %s", d.Runtime.NamedBy, d.Runtime.Error)
	}
	return nil
}

// tryBackend runs a small network on a backend, beside onnx-go.
func tryBackend(ctx context.Context, backend string, opts eval.OpenOptions) check {
	k := check{Backend: backend}
	data, _, err := fixtures.Pair("mlp")
	if err == nil {
		k.Result, err = compareBackend(ctx, data, backend, opts)
	}
	if k.OK = err == nil; err != nil {
		k.Result = err.Error()
	}
	return k
}

func compareBackend(ctx context.Context, data []byte, backend string, opts eval.OpenOptions) (string, error) {
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		return "", err
	}
	defer m.Close()
	opts.Backend = eval.OnnxGo
	ours, err := eval.Open(m, opts)
	if err != nil {
		return "", err
	}
	defer ours.Close()
	opts.Backend = backend
	other, err := eval.Open(m, opts)
	if err != nil {
		return "", err
	}
	defer other.Close()
	v, err := eval.VerifyRunners(ctx, ours, other, eval.VerifyOptions{Open: opts})
	switch {
	case err != nil:
		return "", err
	case !v.OK:
		return "", fmt.Errorf("%s", v.Reason)
	case backend == eval.OnnxGo:
		return "runs a small network", nil
	}
	return fmt.Sprintf("runs a small network, and differs from onnx-go by %.1g of the largest output", v.MaxRel), nil
}

func printCheckup(w io.Writer, d checkup) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "onnx-rebasin\t%s, built with %s\n", version(), d.Go)
	fmt.Fprintf(t, "platform\t%s, %s\n", d.Platform, count(d.Cores, "core"))
	fmt.Fprintf(t, "processor\t%s; kernels: %s\n", strings.Join(d.Features, " "), d.Kernels)
	for _, k := range d.Checks {
		fmt.Fprintf(t, "%s\t%s\n", k.Backend, k.Result)
	}
	r := d.Runtime
	if r.OK {
		fmt.Fprintf(t, "library\tONNX Runtime %s, %s\n", r.Version, r.Path)
	} else {
		fmt.Fprintf(t, "%s\t%s\n", eval.OnnxRuntime, r.Error)
	}
	if r.NamedBy != "" {
		fmt.Fprintf(t, "named by\t%s\n", r.NamedBy)
	}
	t.Flush()
	if len(r.Searched) > 0 {
		fmt.Fprintln(w, "\nlooked for it in, in this order:")
	}
	for _, p := range r.Searched {
		fmt.Fprintf(w, "  %s\n", p.Folder)
		for _, l := range p.Libraries {
			fmt.Fprintf(w, "    found %s\n", l)
		}
	}
	if !r.OK {
		fmt.Fprintln(w, "\nModels run on onnx-go. ONNX Runtime would run those with operators that onnx-go does not have.")
		if !strings.Contains(r.Error, r.HowToGet) {
			fmt.Fprintf(w, "%s%s.\n", strings.ToUpper(r.HowToGet[:1]), r.HowToGet[1:])
		}
	}
}
