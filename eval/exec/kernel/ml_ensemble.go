package kernel

import (
	"fmt"
	"math"
	"slices"
)

// prepareTreeEnsemble prepares TreeEnsemble, which ai.onnx.ml 5 has in place of the older two: leaves stand in lists
// of their own, modes and other enumerations are numbers.
func prepareTreeEnsemble(n *Node) (Kernel, error) {
	f := &forest{width: int(n.Int("n_targets", 1))}
	join, post := n.Int("aggregate_function", 1), n.Int("post_transform", 0)
	names := []string{"AVERAGE", "SUM", "MIN", "MAX"}
	if join < 0 || int(join) >= len(names) || f.width <= 0 {
		return nil, fmt.Errorf("aggregate_function %d of %d targets", join, f.width)
	}
	f.join = names[join]
	after, ok := map[int64]func([]float64){0: nil, 1: func(s []float64) { softmaxLine(s, s) }, 2: logistic, 3: softmaxZero}[post]
	if !ok {
		return nil, fmt.Errorf("post_transform %d is not supported", post)
	}
	if err := f.readEnsemble(n); err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		rows := sampleCount(c.In[0])
		features := len(x) / max(1, rows)
		if err := f.fits(features); err != nil {
			return err
		}
		y := make([]float64, rows*f.width)
		for r := range rows {
			scores := y[r*f.width:][:f.width]
			if f.score(x[r*features:][:features], scores); after != nil {
				after(scores)
			}
		}
		return c.give(0, c.In[0].Type, y, rows, f.width)
	}, nil
}

// branchModes are the names of the modes 0 to 6.
var branchModes = []string{"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"}

// readEnsemble makes nodes of the branches and, after them, of the leaves.
func (f *forest) readEnsemble(n *Node) error {
	modes, err := n.numbers("nodes_modes")
	if err != nil {
		return err
	}
	values, err := n.numbers("nodes_splits")
	if err != nil {
		return err
	}
	weights, err := n.numbers("leaf_weights")
	if err != nil {
		return err
	}
	members, err := n.numbers("membership_values")
	if err != nil {
		return err
	}
	features, missing, targets := n.Ints("nodes_featureids"), n.Ints("nodes_missing_value_tracks_true"), n.Ints("leaf_targetids")
	yes, no, yesLeaf, noLeaf := n.Ints("nodes_truenodeids"), n.Ints("nodes_falsenodeids"), n.Ints("nodes_trueleafs"), n.Ints("nodes_falseleafs")
	for _, count := range []int{len(values), len(features), len(yes), len(no), len(yesLeaf), len(noLeaf)} {
		if count != len(modes) {
			return fmt.Errorf("lists of %d and %d tree nodes", len(modes), count)
		}
	}
	if len(targets) != len(weights) {
		return fmt.Errorf("lists of %d and %d leaves", len(targets), len(weights))
	}
	// next is where a link leads: to a leaf or to a later branch, so that every walk ends.
	next := func(i, to, leaf int) (int, bool) {
		if leaf != 0 {
			return len(modes) + to, to >= 0 && to < len(targets)
		}
		return to, to > i && to < len(modes)
	}
	for i, m := range modes {
		if !slices.Contains([]float64{0, 1, 2, 3, 4, 5, 6}, m) || features[i] < 0 {
			return fmt.Errorf("tree node %d has mode %g and feature %d", i, m, features[i])
		}
		b := branch{mode: branchModes[int(m)], feature: features[i], value: values[i], missing: i < len(missing) && missing[i] != 0}
		var okYes, okNo bool
		b.yes, okYes = next(i, yes[i], yesLeaf[i])
		b.no, okNo = next(i, no[i], noLeaf[i])
		if !okYes || !okNo {
			return fmt.Errorf("tree node %d leads nowhere", i)
		}
		if b.mode == "BRANCH_MEMBER" {
			if b.set, members, err = nextSet(members); err != nil {
				return err
			}
		}
		f.nodes = append(f.nodes, b)
	}
	for i, t := range targets {
		if t < 0 || t >= f.width {
			return fmt.Errorf("leaf %d has target %d of %d", i, t, f.width)
		}
		f.nodes = append(f.nodes, branch{leaf: true, targets: targets[i : i+1], weights: weights[i : i+1]})
	}
	for _, r := range n.Ints("tree_roots") {
		if r < 0 || r >= len(modes) {
			return fmt.Errorf("a tree begins at node %d of %d", r, len(modes))
		}
		f.roots = append(f.roots, r)
	}
	return nil
}

// nextSet takes one set off a list of sets, each of which a NaN ends.
func nextSet(members []float64) (set, rest []float64, err error) {
	end := slices.IndexFunc(members, math.IsNaN)
	if end < 0 {
		return nil, nil, fmt.Errorf("there are fewer sets of members than branches that ask for one")
	}
	return members[:end], members[end+1:], nil
}

// numbers returns the elements of a tensor attribute; nil if it is absent.
func (n *Node) numbers(name string) ([]float64, error) {
	t, err := n.Tensor(name)
	if t == nil || err != nil {
		return nil, err
	}
	return floats64(t)
}
