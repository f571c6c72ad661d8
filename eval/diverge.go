package eval

import (
	"context"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Divergence is the first value inside two models of one structure, in the
// order of computation, that is not the same in both.
type Divergence struct {
	Value  string  `json:"value"` // in the first model
	Node   string  `json:"node"`  // what computes it
	MaxAbs float64 `json:"max_abs"`
	Limit  float64 `json:"limit"`
	Mean   bool    `json:"mean"` // both are of the mean difference: no single element is too far off

	// Reordered: the value has the same elements in another order. Everywhere
	// inside a permuted model that is as it should be, so such values count
	// only when none differs otherwise.
	Reordered bool `json:"reordered"`
}

// firstDivergence runs both models once more for the values of all nodes and
// notes the first that differs. Elements are compared in order of size where
// they differ place by place: a permutation only reorders them.
func (c *comparison) firstDivergence(ctx context.Context, v *Verification) error {
	pairs, err := valuePairs(c.a.Model, c.b.Model)
	if err != nil {
		v.Reason += "; values inside the models cannot be compared: " + err.Error()
		return nil
	}
	x, y, z, err := c.inside(ctx, pairs)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		d, err := c.diverging(x[p[0].Name], y[p[1].Name], z[p[0].Name])
		if err != nil || d == nil {
			continue // texts and the like
		}
		d.Value, d.Node = p[0].Name, p[0].Producer.String()
		if !d.Reordered {
			v.Diverging = d
			return nil
		}
		if v.Diverging == nil && slices.Contains(c.a.Model.Graph.Outputs, p[0]) {
			v.Diverging = d
		}
	}
	return nil
}

// inside computes the values of pairs in the first model, the second, and the
// first one jittered.
func (c *comparison) inside(ctx context.Context, pairs [][2]*onnxgraph.Value) (x, y, z map[string]*onnxgraph.Tensor, err error) {
	var namesA, namesB []string
	for _, p := range pairs {
		namesA, namesB = append(namesA, p[0].Name), append(namesB, p[1].Name)
	}
	if x, err = c.a.Run(ctx, c.last, namesA); err != nil {
		return nil, nil, nil, err
	}
	if y, err = c.b.Run(ctx, renamed(c.last, c.a.Model, c.b.Model), namesB); err != nil {
		return nil, nil, nil, err
	}
	if z = x; c.rough != nil {
		z, err = c.rough.Run(ctx, c.last, namesA)
	}
	return x, y, z, err
}

// valuePairs lists the values that corresponding nodes of two main graphs
// compute, in the first one's order.
func valuePairs(a, b *onnxgraph.Model) ([][2]*onnxgraph.Value, error) {
	c, err := onnxgraph.Correspond(a, b)
	if err != nil {
		return nil, err
	}
	var pairs [][2]*onnxgraph.Value
	for _, n := range a.Graph.Nodes {
		m := c.Nodes[n]
		if m == nil || m.Graph.Outer != nil {
			continue
		}
		for o, v := range n.Outputs {
			if o < len(m.Outputs) && v != nil && m.Outputs[o] != nil && v.Weight == nil {
				pairs = append(pairs, [2]*onnxgraph.Value{v, m.Outputs[o]})
			}
		}
	}
	return pairs, nil
}

// diverging compares one value of two models, and of the first one jittered;
// nil when it agrees.
func (c *comparison) diverging(x, y, z *onnxgraph.Tensor) (*Divergence, error) {
	if x == nil || y == nil || z == nil {
		return nil, nil
	}
	g, err := gapOf(x, y)
	if err != nil {
		return nil, err
	}
	noise, err := gapOf(x, z)
	if err != nil || c.base.holds(g, noise.maxAbs) {
		return nil, err
	}
	d := &Divergence{MaxAbs: g.maxAbs, Limit: c.base.limit(g, noise.maxAbs)}
	if g.shapes {
		return d, nil
	}
	p, _ := floats(x)
	q, _ := floats(y)
	sorted := gap{}
	sorted.compare(slices.Sorted(slices.Values(p)), slices.Sorted(slices.Values(q)))
	switch {
	case c.base.holds(sorted, noise.maxAbs):
		d.Reordered = true
	case c.base.meanOnly(sorted, noise.maxAbs):
		d.Mean, d.MaxAbs, d.Limit = true, sorted.mean(), c.base.meanLimit(sorted)
	default:
		d.MaxAbs = sorted.maxAbs
	}
	return d, nil
}
