package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// wantOutput returns --output. It fails before any work is done where the
// result could not be written: Save looks again when it is.
func wantOutput(c *cli.Context) (string, error) {
	out := c.String("output")
	if out == "" {
		return "", hinted{usagef("%s needs an output file", c.Command.Name), "add -o out.onnx"}
	}
	if out == dash {
		return out, pipable(c)
	}
	return out, writable(c, out)
}

// writable reports why a file cannot be written: no folder to write it into, it
// exists and --force is not given, or it is one of the command's inputs.
func writable(c *cli.Context, out string) error {
	if err := folderFor(out); err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		if info, err = os.Lstat(out); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder: the output is a file", out)
	}
	for _, in := range inputFiles(c) {
		if other, err := os.Stat(in); err == nil && os.SameFile(info, other) {
			return fmt.Errorf("%s is one of the input files, which are never replaced", out)
		}
	}
	if !c.Bool("force") {
		return hinted{fmt.Errorf("%s exists", out), "--force replaces it"}
	}
	return nil
}

// inputFiles lists the files that a command reads.
func inputFiles(c *cli.Context) []string {
	list := c.Args().Slice()
	for _, flag := range []string{"data", "train-data", "calib", "spec", "labels", "series", "with"} {
		list = append(list, commas(c.String(flag))...)
	}
	return list
}

// folderFor finds out whether a file can be made where out is to be.
func folderFor(out string) error {
	dir := filepath.Dir(out)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s", out, dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a folder", out, dir)
	}
	if err := onnxgraph.Writable(out); err != nil {
		return fmt.Errorf("%s: nothing can be written into %s: %w", out, dir, errors.Unwrap(err))
	}
	return nil
}
