package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// planted permutes m by a random member of its group, aligns the result with m,
// and says whether that gives m back.
func planted(m *onnxgraph.Model, s *permspec.Spec) string {
	if len(s.Groups) == 0 {
		return "–"
	}
	member := s.Random(rand.New(rand.NewPCG(11, 12)))
	moved, err := s.Apply(m, member)
	if err != nil {
		return err.Error()
	}
	back, err := rebasin.Align(context.Background(), m, moved, rebasin.Options{NoVerify: true})
	if err != nil {
		return err.Error()
	}
	var differ []string
	for _, w := range s.Weights {
		same, err := sameBytes(m, back.Model, w.Weight)
		if err != nil {
			return err.Error()
		}
		if !same {
			differ = append(differ, w.Weight.Name)
		}
	}
	if len(differ) == 0 {
		return "exact"
	}
	if back.Match.L2After > 1e-9*back.Match.L2Before {
		return fmt.Sprintf("missed: distance %.3g of %.3g is left", back.Match.L2After, back.Match.L2Before)
	}
	return "alike: " + alike(s, s.Then(member, back.Match.Perms))
}

func sameBytes(a, b *onnxgraph.Model, w *onnxgraph.Weight) (bool, error) {
	x, err := a.Bytes(w)
	if err != nil {
		return false, err
	}
	y, err := b.Bytes(w)
	return bytes.Equal(x, y), err
}

// alike lists the units that stand in each other's places although every
// matched weight is the same: units that the weights do not tell apart.
func alike(s *permspec.Spec, p permspec.Perms) string {
	var out []string
	for g, rows := range p {
		n := s.Groups[g].Size
		var units []string
		for i, from := range rows {
			if int(from) != i%n {
				units = append(units, fmt.Sprint(i%n))
			}
		}
		if len(units) > 6 {
			units = append(slices.Clone(units[:6]), "…")
		}
		if len(units) > 0 {
			out = append(out, fmt.Sprintf("units %s of %s", strings.Join(units, " "), s.Groups[g].Name))
		}
	}
	return strings.Join(out, ", ")
}
