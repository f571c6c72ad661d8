package rebasin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// ProvenanceKey is the key of a Provenance among the metadata_props of a file.
const ProvenanceKey = "onnx-rebasin.provenance"

// Provenance says what a merged model was made of and how. It holds no time and
// no path: the same merge has the same.
type Provenance struct {
	Tool        string        `json:"tool"`       // "onnx-rebasin" and its version
	Generation  int           `json:"generation"` // 1, and more for merges of merged models
	Inputs      []InputFile   `json:"inputs"`
	Weights     []float64     `json:"weights"`           // of the inputs in the average: 1-λ and λ for two
	Lambdas     []GroupLambda `json:"lambdas,omitempty"` // of groups that have another
	Method      string        `json:"method"`
	Many        string        `json:"many,omitempty"`
	Repair      string        `json:"repair,omitempty"`
	Temperature float64       `json:"temperature,omitempty"`
	Seed        int64         `json:"seed"`
	Spec        string        `json:"spec"` // SHA-256 of the JSON of the permutation groups
}

// InputFile names an input by its contents: the model file, and the files of its
// external data in the order in which the model mentions them.
type InputFile struct {
	SHA256 string   `json:"sha256"`
	Data   []string `json:"data,omitempty"`
}

// NewProvenance describes the merge of models that a report is of. Cost: that of
// hashing the files of the models.
func NewProvenance(r *Report, spec *permspec.Spec, models []*onnxgraph.Model) (*Provenance, error) {
	p := &Provenance{Tool: "onnx-rebasin " + r.Version, Generation: 1, Method: r.Method, Seed: r.Seed}
	for _, m := range models {
		f, err := inputFile(m)
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, f)
		before, err := ProvenanceOf(m)
		if err == nil && before != nil {
			p.Generation = max(p.Generation, before.Generation+1)
		}
	}
	switch {
	case r.Many != nil:
		p.Many = r.Many.Method
		for _, m := range r.Many.Models {
			p.Weights = append(p.Weights, m.Weight)
		}
	case r.Lambda != nil:
		p.Weights, p.Lambdas = []float64{1 - *r.Lambda, *r.Lambda}, r.Lambdas
	}
	if r.Repair != nil {
		p.Repair, p.Temperature = string(r.Repair.Kind), r.Repair.Temperature
	}
	doc, err := json.Marshal(spec.Document())
	if err != nil {
		return nil, err
	}
	p.Spec = digest(doc)
	return p, nil
}

// ProvenanceOf returns what a model's file says of its making, nil when it says
// nothing. What is no Provenance is an error.
func ProvenanceOf(m *onnxgraph.Model) (*Provenance, error) {
	all := m.Metadata()
	at := slices.IndexFunc(all, func(p onnxgraph.Property) bool { return p.Key == ProvenanceKey })
	if at < 0 {
		return nil, nil
	}
	p := &Provenance{}
	if err := json.Unmarshal([]byte(all[at].Value), p); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", ProvenanceKey, err)
	}
	return p, nil
}

// Sign returns the model with the provenance in place of that it had.
func (p *Provenance) Sign(m *onnxgraph.Model) (*onnxgraph.Model, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return m.WithMetadata(onnxgraph.Property{Key: ProvenanceKey, Value: string(text)}), nil
}

// inputFile hashes what a model was read from.
func inputFile(m *onnxgraph.Model) (InputFile, error) {
	h := sha256.New()
	if _, err := m.WriteTo(h); err != nil { // unchanged: the bytes that were read
		return InputFile{}, err
	}
	f := InputFile{SHA256: hex.EncodeToString(h.Sum(nil))}
	if files := m.Files(); len(files) > 1 {
		for _, path := range files[1:] {
			d, err := DigestFile(path)
			if err != nil {
				return f, err
			}
			f.Data = append(f.Data, d.SHA256)
		}
	}
	return f, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
