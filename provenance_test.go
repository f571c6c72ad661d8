package rebasin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// A signed file is the merged one and one property more, says what it was made
// of, and counts its generations.
func TestProvenance(t *testing.T) {
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/mlp/b.onnx")
	merge := func(a, b *onnxgraph.Model) (*rebasin.Provenance, *onnxgraph.Model) {
		t.Helper()
		m, err := rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: 0.25, NoVerify: true, Match: solver.Options{Starts: 1}})
		if err != nil {
			t.Fatal(err)
		}
		r := m.Report()
		r.Lambda, r.Version = &m.Lambda, "v1"
		p, err := rebasin.NewProvenance(&r, m.Spec, []*onnxgraph.Model{a, b})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := p.Sign(m.Model)
		if err != nil {
			t.Fatal(err)
		}
		return p, signed
	}
	p, signed := merge(a, b)
	for k, path := range []string{"fixtures/mlp/a.onnx", "fixtures/mlp/b.onnx"} {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(file); p.Inputs[k].SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has another digest than %s", path, p.Inputs[k].SHA256)
		}
	}
	if p.Tool != "onnx-rebasin v1" || p.Generation != 1 || !slices.Equal(p.Weights, []float64{0.75, 0.25}) {
		t.Errorf("the provenance is %+v", p)
	}
	reread := parse(t, signed)
	found, err := rebasin.ProvenanceOf(reread)
	if err != nil || found == nil || found.Inputs[1].SHA256 != p.Inputs[1].SHA256 {
		t.Fatalf("the file says %+v (%v)", found, err)
	}
	next, again := merge(reread, b)
	if next.Generation != 2 {
		t.Errorf("a merge of a merge is of generation %d", next.Generation)
	}
	if keys := again.Metadata(); len(keys) != len(a.Metadata())+1 {
		t.Errorf("the metadata is %v", keys)
	}
	strange := a.WithMetadata(onnxgraph.Property{Key: rebasin.ProvenanceKey, Value: "{"})
	if _, err := rebasin.ProvenanceOf(strange); err == nil || !strings.Contains(err.Error(), rebasin.ProvenanceKey) {
		t.Errorf("what is no JSON gives the error %v", err)
	}
	if p, _ := merge(strange, b); p.Generation != 1 {
		t.Errorf("what cannot be read counts as generation %d", p.Generation)
	}
}

// parse writes a model and reads it again.
func parse(t *testing.T, m *onnxgraph.Model) *onnxgraph.Model {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.Parse(b.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	return out
}
