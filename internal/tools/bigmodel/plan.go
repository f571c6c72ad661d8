package main

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// plan prints what merging a pair of models of these sizes takes. No weights
// are made: the model refers to a file that is not there.
func plan(w io.Writer, s sizes) error {
	g := transformer(s)
	at := int64(0)
	for _, x := range g.weights {
		x.keepIn("absent", at, 4*int64(x.count))
		at += 4 * int64(x.count)
		g.proto.Initializer = append(g.proto.Initializer, x.tensor)
	}
	b, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g.proto,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}}})
	if err != nil {
		return err
	}
	m, err := onnxgraph.Parse(b, "")
	if err != nil {
		return err
	}
	spec, err := permspec.Infer(m, permspec.Options{Uniform: func(*onnxgraph.Weight, int) bool { return false }})
	if err != nil {
		return err
	}
	e, err := solver.EstimateMatch(spec)
	if err != nil {
		return err
	}
	const gb = 1e9
	largest := float64(e.Largest) * 4 / gb
	fmt.Fprintf(w, "parameters        %.2f · 10⁹, %.2f GB as float32; the model file itself %d bytes\n", float64(e.Parameters)/1e9, float64(at)/gb, len(b))
	fmt.Fprintf(w, "largest weight    %.2f GB\n", largest)
	fmt.Fprintf(w, "groups            %d, matched in %d units\n", len(spec.Groups), e.Units)
	fmt.Fprintf(w, "gains, one sweep  %.1f · 10¹² operations\n", e.Operations/1e12)
	fmt.Fprintf(w, "memory, matching  %.2f GB of weights, %.2f GB of gains\n", float64(e.Weights)/gb, float64(e.Gains)/gb)
	fmt.Fprintf(w, "memory, writing   %.2f GB: the largest weight permuted, read and averaged\n", 3*largest)
	fmt.Fprintf(w, "disk              %.2f GB to read in a pass over both models, %.2f GB to write\n", 2*float64(at)/gb, float64(at)/gb)
	return nil
}
