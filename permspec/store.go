package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// The store holds the atoms found so far. Three operations change it, and each
// only shrinks the symmetry group, so the order in which a graph is visited can
// change how much is frozen but never whether the answer is true:
//
//	union(a, b)      the two move together
//	refine(a, expr)  the atom has parts: a product or a sum of other atoms
//	freeze(a, why)   the atom may not move
//
// A fourth notion, the family, lets an atom differ by the slot of another: at
// slot k of family.over it is family.members[k].
type store struct {
	atoms []atom
	steps int // of unification, for the node at hand

	// For explanations: every union and refinement, and the atoms that each
	// cause froze first.
	links   []link
	origins map[*cause][]int
}

type atom struct {
	parent int // itself for the root of its class
	size   onnxgraph.Dim
	def    sum // set once refined; resolve then replaces the atom by it
	frozen *cause
	family *family
	seats  []seat // the families the atom is a member of
	over   bool   // families differ by its slots
}

// family says that an atom differs by the slot of the frozen atom over.
type family struct {
	over    int
	members []int
}

type seat struct{ family, slot int }

// cause is why an atom was frozen: the node, nil for the graph's own inputs
// and outputs, and the reason in words.
type cause struct {
	node   *onnxgraph.Node
	reason string
}

// link records that node made atoms a and b depend on each other.
type link struct {
	a, b int
	node *onnxgraph.Node
}

// A sum is the slots of its products side by side; a prod the combinations of
// its leaves' slots, slowest first; a leaf an atom or a sum. These are Axis,
// Term and Factor with atoms in place of names.
type (
	sum  []prod
	prod []leaf
	leaf struct {
		atom int
		sum  sum // when set, atom means nothing
	}
)

func single(a int) sum { return sum{prod{leaf{atom: a}}} }

func (s *store) fresh(size onnxgraph.Dim) int {
	s.atoms = append(s.atoms, atom{parent: len(s.atoms), size: size})
	return len(s.atoms) - 1
}

func (s *store) find(a int) int {
	for s.atoms[a].parent != a {
		s.atoms[a].parent = s.atoms[s.atoms[a].parent].parent
		a = s.atoms[a].parent
	}
	return a
}

// known returns the number of slots of an atom, or -1.
func (s *store) known(a int) int64 {
	if n, ok := s.atoms[s.find(a)].size.Known(); ok {
		return n
	}
	return -1
}

// resolve replaces refined atoms by their parts and brings the result into
// canonical form: no product inside a product, no sum as a first factor, no
// factors of one slot.
func (s *store) resolve(x sum) sum {
	var out sum
	for _, p := range x {
		out = append(out, s.resolveProd(p)...)
	}
	return out
}

func (s *store) resolveProd(p prod) sum {
	var flat prod
	for _, l := range p {
		inner := l.sum
		if inner == nil {
			root := s.find(l.atom)
			if inner = s.atoms[root].def; inner == nil {
				if s.known(root) != 1 {
					flat = append(flat, leaf{atom: root})
				}
				continue
			}
		}
		if r := s.resolve(inner); len(r) == 1 {
			flat = append(flat, r[0]...)
		} else {
			flat = append(flat, leaf{sum: r})
		}
	}
	if len(flat) == 0 || flat[0].sum == nil {
		return sum{flat}
	}
	var out sum
	for _, first := range flat[0].sum {
		term := append(append(prod{}, first...), flat[1:]...)
		out = append(out, s.resolveProd(term)...)
	}
	return out
}

// size returns the number of slots; false when it is not known even as a
// symbolic product.
func (s *store) size(x sum) (onnxgraph.Dim, bool) {
	if len(x) == 1 {
		return s.prodSize(x[0])
	}
	total := int64(0)
	for _, p := range x {
		d, ok := s.prodSize(p)
		n, known := d.Known()
		if !ok || !known {
			return onnxgraph.Dim{}, false
		}
		total += n
	}
	return onnxgraph.Size(total), true
}

func (s *store) prodSize(p prod) (onnxgraph.Dim, bool) {
	total := onnxgraph.Size(1)
	for _, l := range p {
		d, ok := s.leafSize(l)
		if !ok {
			return d, false
		}
		total = total.Mul(d)
	}
	return total, true
}

func (s *store) leafSize(l leaf) (onnxgraph.Dim, bool) {
	if l.sum != nil {
		return s.size(l.sum)
	}
	return s.atoms[s.find(l.atom)].size, true
}

// each calls f for every atom of a resolved expression.
func (x sum) each(f func(atom int)) {
	for _, p := range x {
		for _, l := range p {
			if l.sum != nil {
				l.sum.each(f)
			} else {
				f(l.atom)
			}
		}
	}
}

// leaves is the number of atoms that stand in x, each as often as it does.
func (x sum) leaves() int {
	n := 0
	x.each(func(int) { n++ })
	return n
}

func (x sum) has(a int) bool {
	found := false
	x.each(func(b int) { found = found || a == b })
	return found
}

func (x sum) equal(y sum) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if len(x[i]) != len(y[i]) {
			return false
		}
		for j, l := range x[i] {
			m := y[i][j]
			if (l.sum == nil) != (m.sum == nil) || l.sum == nil && l.atom != m.atom || l.sum != nil && !l.sum.equal(m.sum) {
				return false
			}
		}
	}
	return true
}

// freeze fixes every atom of x, and the members of its families.
func (s *store) freeze(x sum, why *cause) {
	_, known := s.origins[why]
	s.resolve(x).each(func(a int) {
		if !known {
			s.origins[why] = append(s.origins[why], a)
		}
		at := &s.atoms[a]
		if at.frozen != nil {
			return
		}
		at.frozen = why
		if at.family != nil {
			for _, m := range at.family.members {
				s.freeze(single(m), why)
			}
		}
	})
}

// frozenAll reports whether no atom of x can move.
func (s *store) frozenAll(x sum) bool {
	free := false
	s.resolve(x).each(func(a int) { free = free || s.atoms[a].frozen == nil })
	return !free
}
