package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/fixtures"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "merge two small networks that come with the program, and show what that does",
		UsageText: "onnx-rebasin demo [FOLDER]\n\nExample: onnx-rebasin demo example",
		Action:    demo,
	}
}

// demo puts the example into a folder, which it removes unless the user named
// it, and runs the commands it prints.
func demo(c *cli.Context) (err error) {
	dir := c.Args().First()
	switch {
	case c.NArg() > 1:
		return usagef("demo takes one folder at most")
	case dir != "":
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
	default:
		if dir, err = os.MkdirTemp("", "onnx-rebasin-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	for from, to := range map[string]string{"mlp/a.onnx": "a.onnx", "mlp/b.onnx": "b.onnx", fixtures.Test: fixtures.Test} {
		data, err := fs.ReadFile(fixtures.FS, from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o666); err != nil {
			return err
		}
	}
	w := c.App.Writer
	fmt.Fprint(w, "Two networks trained on handwritten digits, from different seeds.\n\n")
	if err := demoRun(c, dir, w, "merge a.onnx b.onnx -o merged.onnx --data "+fixtures.Test); err != nil {
		return err
	}
	fmt.Fprint(w, "\nThe same at every λ between the two, 0 is A and 1 is B:\n\n")
	var report bytes.Buffer
	if err := demoRun(c, dir, &report, "barrier a.onnx b.onnx --data "+fixtures.Test+" --points 11", "--json"); err != nil {
		return err
	}
	var r struct{ Curve []rebasin.CurvePoint }
	if err := json.Unmarshal(report.Bytes(), &r); err != nil {
		return err
	}
	bars(w, r.Curve)
	if c.NArg() == 1 {
		fmt.Fprintf(w, "\nThe files are in %s.\n", dir)
	}
	return nil
}

// demoRun prints a command and runs it, with more flags, on the files of a
// folder. Its output goes to w, its hints nowhere.
func demoRun(c *cli.Context, dir string, w io.Writer, line string, more ...string) error {
	fmt.Fprintf(c.App.Writer, "$ onnx-rebasin %s\n", line)
	args := append(strings.Fields(line), more...)
	for i, a := range args {
		if strings.Contains(a, ".") {
			args[i] = filepath.Join(dir, a)
		}
	}
	app := newApp(strings.NewReader(""), w, io.Discard)
	if err := app.RunContext(c.Context, append([]string{app.Name}, interspersed(app, args)...)); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// bars draws accuracies along λ.
func bars(w io.Writer, curve []rebasin.CurvePoint) {
	bar := func(v float64) string {
		const full = 20
		n := int(v*full + 0.5)
		return fmt.Sprintf("%5.1f %% %s%s", 100*v, strings.Repeat("█", n), strings.Repeat("░", full-n))
	}
	fmt.Fprintf(w, "  %3s  %-29s  %s\n", "λ", "averaged as they stand", "B aligned to A first")
	for _, p := range curve {
		fmt.Fprintf(w, "  %.1f  %s  %s\n", p.Lambda, bar(p.Naive.Accuracy), bar(p.Aligned.Accuracy))
	}
}
