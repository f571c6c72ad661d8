package onnxgraph

import "slices"

// maxUndecided bounds the Ifs that are decided by trying both branches, each
// of which costs two passes over the model.
const maxUndecided = 16

// Branch returns the name of the branch that an If takes whenever it runs and
// the run does not fail, or false when that depends on more than is known. It is
// known when the condition is, and when the other branch gives a tensor of a rank
// that something reads which cannot.
func (s *ShapeInfo) Branch(n *Node) (string, bool) {
	taken, known := s.taken[n]
	return branchNames[taken], known
}

var branchNames = map[bool]string{true: "then_branch", false: "else_branch"}

// decideBranches tries both branches of the Ifs whose outputs have a rank that depends
// on the branch. Where one of them leads to a node that cannot run, every run
// that succeeds takes the other.
func decideBranches(g *Graph, numbers func(*Weight) []elem) *ShapeInfo {
	forced, tried := map[*Node]bool{}, map[*Node]bool{}
	s := inferWith(g, numbers, forced)
	for len(tried) < maxUndecided {
		at := slices.IndexFunc(s.undecided, func(n *Node) bool { return !tried[n] })
		if at < 0 {
			break
		}
		n := s.undecided[at]
		tried[n] = true
		var left []*inference
		for _, taken := range []bool{true, false} {
			forced[n] = taken
			if try := inferWith(g, numbers, forced); !try.fails(g, n) {
				left = append(left, try)
			}
		}
		delete(forced, n)
		if len(left) == 1 {
			s = left[0]
			forced[n] = s.taken[n]
		}
	}
	return s.ShapeInfo
}

// fails reports whether a node that runs whenever n does cannot.
func (s *inference) fails(g *Graph, n *Node) bool {
	for _, scope := range scopes(g, n) {
		if s.broken(scope) {
			return true
		}
	}
	return false
}

// scopes lists the graphs around n, from g inward.
func scopes(g *Graph, n *Node) []*Graph {
	for _, m := range g.Nodes {
		if m == n {
			return []*Graph{g}
		}
		for _, a := range m.Attrs {
			for _, body := range append(slices.Clone(a.Graphs), a.Graph) {
				if body == nil {
					continue
				}
				if inner := scopes(body, n); inner != nil {
					return append([]*Graph{g}, inner...)
				}
			}
		}
	}
	return nil
}

// broken reports whether a node of g, or of a branch that it takes, cannot run
// on inputs of the ranks it gets.
func (s *inference) broken(g *Graph) bool {
	for _, n := range g.Nodes {
		if taken, known := s.taken[n]; known {
			if body := n.Attrs[branchNames[taken]].Graph; body != nil && s.broken(body) {
				return true
			}
		}
		if c := (operation{s, n}); c.misfit() {
			return true
		}
	}
	return false
}

// misfit reports whether a node gets inputs of ranks that it cannot take.
func (c operation) misfit() bool {
	if c.n.Domain != "" {
		return false
	}
	x, w := c.rank(0), c.rank(1)
	switch c.n.Op {
	case "LSTM", "GRU", "RNN":
		return x >= 0 && x != 3
	case "Gemm":
		return x >= 0 && x != 2 || w >= 0 && w != 2
	case "Conv", "ConvTranspose":
		return x >= 0 && w >= 0 && x != w
	case "Transpose":
		perm, given := c.attrInts("perm")
		return given && x >= 0 && x != len(perm)
	case "Concat":
		for i := range c.n.Inputs {
			if r := c.rank(i); r >= 0 && x >= 0 && r != x {
				return true
			}
		}
	}
	return false
}
