package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func provenanceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-provenance", Usage: "do not write into the file what it was made of and how (metadata_props, " + rebasin.ProvenanceKey + ")"}
}

// sign writes into a merged model what it was made of, unless told not to.
func (j *job) sign(r *rebasin.Report, spec *permspec.Spec, m *onnxgraph.Model) (*onnxgraph.Model, error) {
	if j.c.Bool("no-provenance") {
		return m, nil
	}
	r.Version, r.Seed = version(), j.c.Int64("seed")
	p, err := rebasin.NewProvenance(r, spec, j.models)
	if err != nil {
		return nil, err
	}
	return p.Sign(m)
}

// describeProvenance prints what a file says of its making.
func describeProvenance(w io.Writer, p *rebasin.Provenance) {
	how := p.Method
	for _, more := range []string{p.Many, p.Repair} {
		if more != "" {
			how += ", " + more
		}
	}
	fmt.Fprintf(w, "merged by %s from %s, generation %d: %s, seed %d, groups %.12s\n", p.Tool, count(len(p.Inputs), "model"), p.Generation, how, p.Seed, p.Spec)
	for k, in := range p.Inputs {
		weight := ""
		if k < len(p.Weights) {
			weight = fmt.Sprintf("%.4g × ", p.Weights[k])
		}
		fmt.Fprintf(w, "  %ssha256 %s\n", weight, strings.Join(append([]string{in.SHA256}, in.Data...), " "))
	}
	for _, l := range p.Lambdas {
		fmt.Fprintf(w, "  but %.2g of b in the groups %s\n", l.Lambda, strings.Join(l.Groups, " "))
	}
	fmt.Fprintln(w)
}
