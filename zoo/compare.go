package zoo

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// large is how many bytes two files may have together to be compared beside
// others; larger ones come alone, with all cores for themselves.
const large = 256 << 20

// compare fills in what there is to find about every pair.
func (r *Result) compare(ctx context.Context, opts Options) error {
	var small, big []*Pair
	for _, f := range r.Families {
		for _, p := range f.Pairs {
			if p.a.Bytes+p.b.Bytes > large {
				big = append(big, p)
			} else {
				small = append(small, p)
			}
		}
	}
	c := newCache(opts)
	total := len(small) + len(big)
	for _, part := range []struct {
		pairs           []*Pair
		before, workers int
	}{{small, 0, opts.Workers}, {big, len(small), 1}} {
		threads := max(1, runtime.GOMAXPROCS(0)/part.workers)
		err := each(ctx, len(part.pairs), part.workers, func(i int) { part.pairs[i].compare(ctx, c, threads) },
			func(done int) { opts.Progress("aligning", part.before+done, total) })
		if err != nil {
			return err
		}
	}
	return nil
}

// compare takes the finding from the cache, or finds it.
func (p *Pair) compare(ctx context.Context, c *cache, threads int) {
	if p.a.SHA256 == p.b.SHA256 {
		p.Finding = Finding{Kinship: &rebasin.Kinship{Relation: rebasin.Same, Exact: true, Chance: math.Sqrt2}}
		return
	}
	if c.get(p, &p.Finding) {
		return
	}
	found, err := find(ctx, p.a.Path, p.b.Path, threads)
	if err != nil {
		p.Problem = err.Error()
		return
	}
	p.Finding = *found
	c.put(p, found)
}

// find aligns two files as fast as can be. Where the weights of both have the
// same norms and yet were not brought together, as only copies have them, it
// searches longer.
func find(ctx context.Context, a, b string, threads int) (*Finding, error) {
	ma, mb, done, err := open(a, b)
	if err != nil {
		return nil, err
	}
	defer done()
	opts := rebasin.Options{Match: solver.Options{Effort: solver.EffortFast, Threads: threads}}
	c, err := rebasin.Compare(ctx, ma, mb, opts)
	if err == nil && c.Kinship.Relation == rebasin.Apart && sameNorms(c.Layers) {
		opts.Match.Effort = solver.EffortDefault
		c, err = rebasin.Compare(ctx, ma, mb, opts)
	}
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the search ends early without an error
		return nil, err
	}
	f := &Finding{Kinship: c.Kinship}
	if m := c.Match; m != nil {
		f.L2Before, f.L2After, f.Moved = m.L2Before, m.L2After, m.Moved
	}
	return f, nil
}

// sameNorms reports whether all weights have the norms of their counterparts,
// but for the order in which their elements are summed.
func sameNorms(layers []rebasin.LayerDistance) bool {
	return !slices.ContainsFunc(layers, func(l rebasin.LayerDistance) bool {
		return math.Abs(l.NormA-l.NormB) > 1e-9*l.NormA
	})
}

// Relatives lists the pairs that are not of models trained apart, nearest first.
func (f *Family) Relatives() []*Pair {
	var out []*Pair
	for _, p := range f.Pairs {
		if p.Kinship != nil && p.Relation != rebasin.Apart {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(x, y *Pair) int { return cmp.Compare(x.After*y.Chance, y.After*x.Chance) })
	return out
}
