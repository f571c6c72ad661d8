package zoo

import (
	"cmp"
	"context"
	"errors"
	"slices"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sort puts the models into families. A model is compared with the first one of
// each family that its fingerprint fits; of files with the same bytes only one is.
func (r *Result) sort(ctx context.Context, opts Options) error {
	var families []*Family
	of := map[string]*Family{} // by digest
	for i, m := range r.Models {
		opts.Progress("comparing architectures", i, len(r.Models))
		if err := ctx.Err(); err != nil {
			return err
		}
		f := of[m.SHA256]
		for _, g := range families {
			if f == nil && g.Models[0].fingerprint.Fits(m.fingerprint) {
				same, err := alike(g.Models[0].Path, m.Path)
				if err != nil {
					r.fail(m.Path, err)
				}
				if same {
					f = g
				}
			}
		}
		if f == nil {
			f = &Family{}
			families = append(families, f)
		}
		f.Models, f.Members, of[m.SHA256] = append(f.Models, m), append(f.Members, m.Path), f
	}
	for _, f := range families {
		if len(f.Models) > 1 {
			r.Families = append(r.Families, f)
		}
	}
	slices.SortStableFunc(r.Families, func(x, y *Family) int { return cmp.Compare(len(y.Models), len(x.Models)) })
	return nil
}

// alike reports whether two files have one architecture, in either order: one of
// them may keep as one weight what the other keeps as several.
func alike(a, b string) (bool, error) {
	ma, mb, done, err := open(a, b)
	if err != nil {
		return false, err
	}
	defer done()
	differ := (*onnxgraph.Difference)(nil)
	for _, pair := range [][2]*onnxgraph.Model{{ma, mb}, {mb, ma}} {
		_, err = onnxgraph.Correspond(pair[0], pair[1])
		if err == nil {
			return true, nil
		}
		if !errors.As(err, &differ) {
			return false, err
		}
	}
	return false, nil
}

func open(a, b string) (ma, mb *onnxgraph.Model, done func(), err error) {
	if ma, err = onnxgraph.Load(a); err != nil {
		return nil, nil, nil, err
	}
	if mb, err = onnxgraph.Load(b); err != nil {
		ma.Close()
		return nil, nil, nil, err
	}
	return ma, mb, func() { ma.Close(); mb.Close() }, nil
}

// pair lists the pairs of a family.
func (f *Family) pair() {
	for i, a := range f.Models {
		for _, b := range f.Models[i+1:] {
			p := &Pair{A: a.Path, B: b.Path, a: a, b: b}
			if b.SHA256 < a.SHA256 {
				p.a, p.b = b, a
			}
			f.Pairs = append(f.Pairs, p)
		}
	}
}

// relate finds the nearest relative of each member, and which have an ancestor in
// common.
func (f *Family) relate() {
	nearest := map[string]*Neighbour{}
	for _, m := range f.Members {
		nearest[m] = &Neighbour{Model: m}
		f.Nearest = append(f.Nearest, nearest[m])
	}
	root := map[string]string{} // of its kin, the first member that it is linked to
	find := func(m string) string {
		for root[m] != "" {
			m = root[m]
		}
		return m
	}
	for _, p := range f.Pairs {
		if p.Kinship == nil {
			continue
		}
		for _, ends := range [][2]string{{p.A, p.B}, {p.B, p.A}} {
			if n := nearest[ends[0]]; n.Finding == nil || p.nearer(n.Finding) {
				n.To, n.Finding = ends[1], &p.Finding
			}
		}
		if a, b := find(p.A), find(p.B); p.Relation != rebasin.Apart && a != b {
			root[max(a, b)] = min(a, b)
		}
	}
	kin := map[string][]string{}
	for _, m := range f.Members {
		kin[find(m)] = append(kin[find(m)], m)
	}
	for _, m := range f.Members {
		if len(kin[m]) > 1 {
			f.Kin = append(f.Kin, kin[m])
		}
	}
}

// nearer reports whether a finding is of models nearer to each other, in relation
// to what chance leaves.
func (x *Finding) nearer(y *Finding) bool {
	return cmp.Or(cmp.Compare(x.After*y.Chance, y.After*x.Chance), cmp.Compare(x.Before, y.Before)) < 0
}
