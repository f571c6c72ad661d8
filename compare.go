package rebasin

import (
	"context"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Compare aligns B to A, without running them, and tells how far apart they are. It
// fails with a *onnxgraph.Difference when the architectures differ.
func Compare(ctx context.Context, a, b *onnxgraph.Model, opts Options) (*Comparison, error) {
	opts.NoVerify = true
	al, err := Align(ctx, a, b, opts)
	if err != nil {
		return nil, err
	}
	d := &Comparison{Alignment: *al}
	if d.Layers, err = al.Layers(a, b); err != nil {
		return nil, fmt.Errorf("measure distances: %w", err)
	}
	if d.Kinship, err = al.Kinship(ctx, a, b); err != nil {
		return nil, fmt.Errorf("measure distances: %w", err)
	}
	return d, nil
}

// Comparison is the result of Compare.
type Comparison struct {
	Alignment
	Layers  []LayerDistance
	Kinship *Kinship
}

// Report fills in what the comparison has to say.
func (d *Comparison) Report() Report {
	r := d.Alignment.Report()
	r.Layers, r.Kinship, r.Moves = d.Layers, d.Kinship, d.Moves()
	return r
}
