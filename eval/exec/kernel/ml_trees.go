package kernel

import (
	"fmt"
	"math"
	"slices"
)

// forest is a prepared ensemble of decision trees.
type forest struct {
	nodes []branch
	roots []int
	base  []float64
	join  string // aggregate_function
	width int
}

// branch is a node of a tree: it leads on to a node, or gives scores.
type branch struct {
	mode    string
	feature int
	value   float64
	yes, no int
	missing bool // a missing feature counts as yes
	set     []float64
	leaf    bool
	targets []int
	weights []float64
}

// prepareTrees prepares TreeEnsembleClassifier and TreeEnsembleRegressor.
func prepareTrees(n *Node) (Kernel, error) {
	prefix, at := "class", 1
	l := classesOf(n, "classlabels_int64s")
	f := &forest{base: convert[float64](n.Floats("base_values")), join: n.String("aggregate_function", "SUM"), width: l.len()}
	if n.Op == "TreeEnsembleRegressor" {
		prefix, at, f.width = "target", 0, int(n.Int("n_targets", 1))
	}
	if err := f.read(n, prefix); err != nil {
		return nil, err
	}
	positive := 0.0
	if at == 1 && l.len() == 2 && f.oneClass() {
		if f.width = 1; f.allPositive() {
			positive = 0.5
		}
	}
	if len(f.base) != 0 && len(f.base) != f.width || f.width == 0 {
		return nil, fmt.Errorf("%d base values for %d scores", len(f.base), f.width)
	}
	post, err := postOf(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		features := size(c.In[0].Shape)
		if len(c.In[0].Shape) > 1 {
			features = size(c.In[0].Shape[1:])
		}
		if err := f.fits(features); err != nil {
			return err
		}
		return scored(c, at, f.width, f.score, post, l, positive)
	}, nil
}

// fits fails when the trees ask for features that samples do not have.
func (f *forest) fits(features int) error {
	for _, b := range f.nodes {
		if !b.leaf && b.feature >= features {
			return fmt.Errorf("the trees ask for feature %d of %d", b.feature, features)
		}
	}
	return nil
}

// read builds the trees from the attributes, which hold one list for each
// field. Links are checked here, so that walking needs no checks.
func (f *forest) read(n *Node, prefix string) error {
	trees, ids := n.Ints("nodes_treeids"), n.Ints("nodes_nodeids")
	features, values, modes := n.Ints("nodes_featureids"), n.Floats("nodes_values"), n.Strings("nodes_modes")
	yes, no, missing := n.Ints("nodes_truenodeids"), n.Ints("nodes_falsenodeids"), n.Ints("nodes_missing_value_tracks_true")
	for _, list := range []int{len(ids), len(features), len(values), len(modes), len(yes), len(no)} {
		if list != len(trees) {
			return fmt.Errorf("lists of %d and %d tree nodes", len(trees), list)
		}
	}
	type key struct{ tree, node int }
	place := make(map[key]int)
	for i := range trees {
		if i == 0 || trees[i] != trees[i-1] {
			f.roots = append(f.roots, i)
		}
		place[key{trees[i], ids[i]}] = i
	}
	for i := range trees {
		b := branch{mode: modes[i], feature: features[i], value: float64(values[i]), leaf: modes[i] == "LEAF",
			missing: i < len(missing) && missing[i] != 0}
		if !b.leaf {
			var ok1, ok2 bool
			b.yes, ok1 = place[key{trees[i], yes[i]}]
			b.no, ok2 = place[key{trees[i], no[i]}]
			if !ok1 || !ok2 || b.yes <= i || b.no <= i || b.feature < 0 {
				return fmt.Errorf("node %d of tree %d leads nowhere", ids[i], trees[i])
			}
		}
		f.nodes = append(f.nodes, b)
	}
	of, at := n.Ints(prefix+"_treeids"), n.Ints(prefix+"_nodeids")
	targets, weights := n.Ints(prefix+"_ids"), n.Floats(prefix+"_weights")
	if len(at) != len(of) || len(targets) != len(of) || len(weights) != len(of) {
		return fmt.Errorf("lists of %d and %d scores", len(of), len(at))
	}
	for i := range of {
		p, ok := place[key{of[i], at[i]}]
		if !ok || targets[i] < 0 || targets[i] >= f.width {
			return fmt.Errorf("score %d belongs to no node or class", i)
		}
		f.nodes[p].targets = append(f.nodes[p].targets, targets[i])
		f.nodes[p].weights = append(f.nodes[p].weights, float64(weights[i]))
	}
	return nil
}

// oneClass tells whether all scores are of one class.
func (f *forest) oneClass() bool {
	seen := -1
	for _, b := range f.nodes {
		for _, t := range b.targets {
			if seen >= 0 && t != seen {
				return false
			}
			seen = t
		}
	}
	for i := range f.nodes {
		clear(f.nodes[i].targets)
	}
	return true
}

func (f *forest) allPositive() bool {
	for _, b := range f.nodes {
		for _, w := range b.weights {
			if w < 0 {
				return false
			}
		}
	}
	return true
}

func (f *forest) score(x, scores []float64) {
	for i := range scores {
		switch f.join {
		case "MIN":
			scores[i] = math.Inf(1)
		case "MAX":
			scores[i] = math.Inf(-1)
		}
	}
	for _, root := range f.roots {
		b := &f.nodes[root]
		for !b.leaf {
			next := b.no
			if v := x[b.feature]; b.holds(v) || b.missing && math.IsNaN(v) {
				next = b.yes
			}
			b = &f.nodes[next]
		}
		for i, t := range b.targets {
			switch w := b.weights[i]; f.join {
			case "MIN":
				scores[t] = min(scores[t], w)
			case "MAX":
				scores[t] = max(scores[t], w)
			default:
				scores[t] += w
			}
		}
	}
	for i := range scores {
		if f.join == "AVERAGE" {
			scores[i] /= float64(len(f.roots))
		}
		if len(f.base) > 0 {
			scores[i] += f.base[i]
		}
	}
}

func (b *branch) holds(v float64) bool {
	switch b.mode {
	case "BRANCH_LEQ":
		return v <= b.value
	case "BRANCH_LT":
		return v < b.value
	case "BRANCH_GTE":
		return v >= b.value
	case "BRANCH_GT":
		return v > b.value
	case "BRANCH_EQ":
		return v == b.value
	case "BRANCH_MEMBER":
		return slices.Contains(b.set, v)
	}
	return v != b.value
}
