package onnxgraph

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// inference is the state of one pass over a model.
type inference struct {
	*ShapeInfo
	rules map[opKey]shapeRule
	names map[string]int // how often a name was given to an axis of unknown size
	sizes map[Dim]bool   // expressions that are sizes, hence not negative
	loops int            // how many loop bodies are around the current node

	forced    map[*Node]bool // Ifs that are taken to go to the then branch, or not
	undecided []*Node        // Ifs of which the branches differ in rank
}

// opKey names an operator.
type opKey struct{ domain, op string }

// key returns the operator a node applies.
func (n *Node) key() opKey { return opKey{n.Domain, n.Op} }

// inferShapes finds what is known of every value of a graph and of the bodies
// inside it. The elements of small weights are asked of numbers.
func inferShapes(g *Graph, numbers func(*Weight) []elem) *ShapeInfo {
	return decideBranches(g, numbers)
}

// inferWith is one pass, with the given Ifs decided.
func inferWith(g *Graph, numbers func(*Weight) []elem, forced map[*Node]bool) *inference {
	s := &inference{
		ShapeInfo: &ShapeInfo{facts: map[*Value]*fact{}, numbers: numbers, taken: map[*Node]bool{}},
		forced:    forced,
		rules:     shapeRules,
		names:     map[string]int{},
		sizes:     map[Dim]bool{},
	}
	s.graph(g)
	return s
}

// graph visits the nodes of one scope in order. Inputs of which the caller has
// said nothing are as the file declares them.
func (s *inference) graph(g *Graph) {
	for _, v := range g.Inputs {
		if s.facts[v] == nil {
			s.facts[v] = &fact{}
			s.settle(v)
		}
	}
	for _, n := range g.Nodes {
		s.node(n)
	}
}

// node finds the facts of a node's outputs from those of its inputs.
func (s *inference) node(n *Node) {
	for _, v := range n.Outputs {
		if v != nil {
			s.facts[v] = &fact{}
		}
	}
	c := operation{s, n}
	if rule, ok := s.rules[n.key()]; ok {
		rule(c)
	} else {
		c.bodies()
	}
	for i, v := range n.Outputs {
		if v != nil {
			s.facts[v].typ = c.outputType(i)
			s.settle(v)
		}
	}
	if rule, ok := foldRules[n.key()]; ok {
		rule(c)
	}
}

// settle completes the shape of a value with what the file declares, and gives
// every axis still unknown a symbol of its own.
func (s *inference) settle(v *Value) {
	f := s.facts[v]
	if v.HasShape && !f.ranked {
		f.ranked, f.dims = true, slices.Repeat([]Dim{Symbol("")}, len(v.Declared))
	}
	for i := range f.dims {
		if v.HasShape && len(v.Declared) == len(f.dims) {
			f.dims[i] = prefer(f.dims[i], v.Declared[i])
		}
		d := f.dims[i]
		negative := d.coef < 0 && (d.syms == "" || s.nonNegative(Dim{1, d.syms}))
		if d.Unknown() || negative { // a broken model may give a negative size
			f.dims[i] = s.fresh(v.Name, i)
		}
		s.sizes[f.dims[i].unit()] = true
	}
}

// prefer returns the more precise of an inferred and a declared size. An
// inferred size that is known, or that follows from named sizes of the inputs,
// stands: declarations are often left over from an export with other sizes.
// A declared 0 is what old exporters write for a size they do not know.
func prefer(inferred, declared Dim) Dim {
	n, known := declared.Known()
	switch {
	case declared.Unknown() || known && n < 1:
		return inferred
	case inferred.Unknown() || known && inferred.hasFresh():
		return declared
	}
	return inferred
}

// fresh returns a symbol that stands nowhere else, named after an axis.
func (s *inference) fresh(value string, axis int) Dim {
	name := quoted(value) + "[" + strconv.Itoa(axis) + "]"
	s.names[name]++
	if n := s.names[name]; n > 1 {
		name += "#" + strconv.Itoa(n)
	}
	return Dim{1, name}
}

// hasFresh reports whether d depends on an axis without a name of its own.
func (d Dim) hasFresh() bool { return strings.Contains(d.syms, "[") }

// nonNegative reports whether d is certainly at least 0.
func (s *inference) nonNegative(d Dim) bool {
	if d.Unknown() {
		return false
	}
	if n, ok := d.Known(); ok || s.sizes[d.unit()] {
		return !ok || n >= 0
	}
	for _, f := range d.factors() {
		if !s.nonNegativeFactor(f) {
			return false
		}
	}
	return d.coef >= 0
}

// nonNegativeFactor is nonNegative for one factor: a symbol is a size; so are
// sums and quotients of what is not negative.
func (s *inference) nonNegativeFactor(f string) bool {
	switch {
	case isSymbol(f) || s.sizes[Dim{1, f}]:
		return true
	case strings.HasPrefix(f, "("):
		terms := Dim{1, f}.terms()
		return !slices.ContainsFunc(terms, func(t Dim) bool { return !s.nonNegative(t) })
	case strings.HasPrefix(f, "⌊"):
		num, den, ok := quotientParts(f)
		return ok && s.nonNegative(num) && s.nonNegative(den)
	}
	return false
}

// bodies visits the graphs among a node's attributes as they stand.
func (c operation) bodies() {
	for _, name := range slices.Sorted(maps.Keys(c.n.Attrs)) {
		a := c.n.Attrs[name]
		if a.Graph != nil {
			c.graph(a.Graph)
		}
		for _, g := range a.Graphs {
			c.graph(g)
		}
	}
}
