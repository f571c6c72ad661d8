package rebasin

import (
	"context"
	"fmt"
	"runtime"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Environment is what a command ran on.
type Environment struct {
	Go    string `json:"go"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Cores int    `json:"cores"`
}

// ThisEnvironment describes the running program's.
func ThisEnvironment() *Environment {
	return &Environment{runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)}
}

// Detail adds to a report what takes passes over the models: groups with their
// places and how far they moved, distances by layer, kinship, and the correlation
// of one group's units, see Correlation. a and b are what was aligned.
func (al *Alignment) Detail(ctx context.Context, r *Report, a, b *onnxgraph.Model, group string, c *Calibration) error {
	spec := al.Spec.Document()
	r.Spec, r.Moves = &spec, al.Moves()
	var err error
	if r.Correlation, err = al.Correlation(ctx, a, b, group, c); err != nil {
		return err
	}
	if r.Layers, err = al.Layers(a, b); err != nil {
		return fmt.Errorf("measure distances: %w", err)
	}
	if r.Kinship, err = al.Kinship(ctx, a, b); err != nil {
		return fmt.Errorf("measure distances: %w", err)
	}
	return nil
}
