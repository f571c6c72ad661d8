package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// dash stands for standard input among models, and for standard output after -o.
const dash = "-"

// load loads a model from a file or from standard input, whose digest is kept
// among the app's metadata.
func load(c *cli.Context, path string) (*onnxgraph.Model, error) {
	if path != dash {
		return onnxgraph.Load(path)
	}
	if c.App.Metadata[dash] != nil {
		return nil, usagef("standard input (-) holds one model, and is named twice")
	}
	data, err := io.ReadAll(c.App.Reader)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	d, err := rebasin.Digest(dash, bytes.NewReader(data))
	c.App.Metadata[dash] = d
	return m, err
}

// digests lists the files a report is of.
func digests(c *cli.Context, r *rebasin.Report, paths []string) error {
	for _, p := range paths {
		d, known := c.App.Metadata[p].(rebasin.FileDigest)
		if !known {
			var err error
			if d, err = rebasin.DigestFile(p); err != nil {
				return err
			}
		}
		r.Inputs = append(r.Inputs, d)
	}
	return nil
}

// pipable reports why a model cannot go to standard output.
func pipable(c *cli.Context) error {
	if c.Bool("json") {
		return usagef("-o - and --json both want standard output")
	}
	if isTerminal(c.App.Writer) {
		return hinted{usagef("a model is not for a terminal"), "-o - is for a pipe; name a file"}
	}
	return nil
}

// wordsTo is where a command's text goes: not where a model goes.
func wordsTo(c *cli.Context) io.Writer {
	if c.String("output") == dash {
		return c.App.ErrWriter
	}
	return c.App.Writer
}

// emit writes a model to a file or to standard output.
func emit(c *cli.Context, m *onnxgraph.Model, output string, opts onnxgraph.SaveOptions) error {
	if output != dash {
		return m.Save(output, opts)
	}
	if slices.ContainsFunc(m.Weights(), (*onnxgraph.Weight).External) {
		return hinted{errors.New("weights in external files cannot go to standard output"), "name a file: -o out.onnx"}
	}
	w := bufio.NewWriterSize(c.App.Writer, 1<<16)
	if _, err := m.WriteTo(w); err != nil {
		return err
	}
	return w.Flush()
}
