package eval

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// branch is an If node of the main graph, whose weights can be compared only in
// the branches that are taken.
type branch struct {
	node  *onnxgraph.Node
	taken map[bool]bool
}

// branchesOf lists the If nodes that have weights in their bodies and a
// condition that is not constant.
func branchesOf(m *onnxgraph.Model) []*branch {
	var out []*branch
	for _, n := range m.Graph.Nodes {
		if n.Op == "If" && len(n.Inputs) > 0 && n.Inputs[0] != nil && n.Inputs[0].Weight == nil {
			b := &branch{n, map[bool]bool{}}
			if len(b.weights(true))+len(b.weights(false)) > 0 {
				out = append(out, b)
			}
		}
	}
	return out
}

// weights lists the floating-point weights that a branch reads.
func (b *branch) weights(which bool) []*onnxgraph.Weight {
	name := "else_branch"
	if which {
		name = "then_branch"
	}
	body := b.node.Attrs[name].Graph
	if body == nil {
		return nil
	}
	var out []*onnxgraph.Weight
	everyNode(body, func(n *onnxgraph.Node) {
		for _, v := range n.Inputs {
			if v != nil && v.Weight != nil && v.Weight.Type.IsFloat() && v.Weight.Elements() > 1 {
				out = append(out, v.Weight)
			}
		}
	})
	return out
}

// see notes which branch a run has taken.
func (b *branch) see(values, inputs map[string]*onnxgraph.Tensor) {
	name := b.node.Inputs[0].Name
	t := values[name]
	if t == nil {
		t = inputs[name]
	}
	if t == nil {
		return
	}
	if d, ok := t.Data.([]bool); ok && len(d) > 0 {
		b.taken[d[0]] = true
	}
}

// withConditions adds the conditions of the branches to the values asked for.
func (c *comparison) withConditions(names []string) []string {
	for _, b := range c.branches {
		if v := b.node.Inputs[0]; v.Producer != nil && !slices.Contains(names, v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// untaken describes the first branch with weights that no run has taken.
func (c *comparison) untaken() string {
	for _, b := range c.branches {
		for which, name := range map[bool]string{true: "then", false: "else"} {
			if n := len(b.weights(which)); len(b.taken) == 1 && !b.taken[which] && n > 0 {
				return fmt.Sprintf("the %s branch of %v was never taken, so %d weights in it were not compared", name, b.node, n)
			}
		}
	}
	return ""
}

// otherControls runs the models on further values of controls, such as another
// sample rate, while there are branches that no run has taken.
func (c *comparison) otherControls(ctx context.Context, p *plan) error {
	if c.failed || c.untaken() == "" {
		return nil
	}
	for _, in := range p.inputs {
		for _, value := range in.role.others {
			if in.spec.Value != nil {
				continue
			}
			specs := maps.Clone(c.opts.Inputs)
			if specs == nil {
				specs = map[string]InputSpec{}
			}
			specs[in.value.Name] = InputSpec{Shape: in.spec.Shape, Value: &value}
			other, err := c.plan(ctx, specs)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				continue // a value that the model does not take
			}
			for k := range 2 {
				if err := c.runSample(ctx, other, k, styles[k]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
