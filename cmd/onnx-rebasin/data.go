package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// openData opens a data set for the inputs of m and of what is run on the same batches, as the flags of dataFlags say;
// nil when path is empty.
func openData(c *cli.Context, path string, models ...*onnxgraph.Model) (*dataset.Set, error) {
	if path == "" {
		return nil, nil
	}
	return openSamples(c, path, c.Int("limit"), models...)
}

// openSamples is openData for the first samples only, all when limit is 0.
func openSamples(c *cli.Context, path string, limit int, models ...*onnxgraph.Model) (*dataset.Set, error) {
	opts := dataset.Options{Inputs: eval.InputsOf(models[0], models[1:]...), Labels: c.String("labels"), Scale: c.Float64("scale"), Limit: limit}
	var err error
	if opts.Mean, err = numbers(c, "mean"); err != nil {
		return nil, err
	}
	if opts.Std, err = numbers(c, "std"); err != nil {
		return nil, err
	}
	for _, v := range opts.Std {
		if v <= 0 {
			return nil, usagef("--std: %v is not above 0", v)
		}
	}
	if opts.ImageSize, err = imageSize(c); err != nil {
		return nil, err
	}
	return dataset.Open(path, opts)
}

// numbers reads a flag's list of finite numbers.
func numbers(c *cli.Context, flag string) ([]float64, error) {
	var out []float64
	for _, word := range commas(c.String(flag)) {
		v, err := fraction(word, false)
		if err != nil {
			return nil, usagef("--%s: %q is not a number", flag, word)
		}
		out = append(out, v)
	}
	return out, nil
}

// imageSize reads --image-size: 224x224, or 224 for a square.
func imageSize(c *cli.Context) ([2]int, error) {
	text := c.String("image-size")
	if text == "" {
		return [2]int{}, nil
	}
	shape, err := eval.ParseShape(text)
	if err == nil && len(shape) == 1 {
		shape = append(shape, shape[0])
	}
	if err != nil || len(shape) != 2 || shape[0] < 1 || shape[1] < 1 {
		return [2]int{}, usageError{fmt.Errorf("--image-size: %q is not a size such as 224x224", text)}
	}
	return [2]int{shape[0], shape[1]}, nil
}
