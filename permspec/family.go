package permspec

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxFamily bounds the number of members of a family: selectors such as the
// three of a fused QKV are small, and every member costs an atom.
const maxFamily = 64

// pick returns x as it is at slot k of the frozen atom over: each free atom is
// replaced by its member there, and becomes a family if it was none.
//
// Whether an atom may really differ by the slot of over is decided later, by
// the same test as for nested groups (see under.go); where it may not, the
// members are tied again.
func (s *store) pick(x sum, over, k int) sum {
	over = s.find(over)
	x = s.resolve(x)
	out := make(sum, len(x))
	for i, p := range x {
		out[i] = make(prod, len(p))
		for j, l := range p {
			if l.sum != nil {
				out[i][j] = leaf{sum: s.pick(l.sum, over, k)}
			} else {
				out[i][j] = leaf{atom: s.member(l.atom, over, k)}
			}
		}
	}
	return out
}

// look is pick without making families: what is no family over that atom stays.
func (s *store) look(x sum, over, k int) sum {
	x = s.resolve(x)
	out := make(sum, len(x))
	for i, p := range x {
		out[i] = make(prod, len(p))
		for j, l := range p {
			switch f := s.familyOf(l); {
			case l.sum != nil:
				out[i][j] = leaf{sum: s.look(l.sum, over, k)}
			case f != nil && s.find(f.over) == over:
				out[i][j] = leaf{atom: f.members[k]}
			default:
				out[i][j] = l
			}
		}
	}
	return out
}

func (s *store) familyOf(l leaf) *family {
	if l.sum != nil {
		return nil
	}
	return s.atoms[s.find(l.atom)].family
}

// member returns the atom that a is at slot k of over; a itself where it cannot
// differ.
func (s *store) member(a, over, k int) int {
	n := s.known(over)
	if a == over || s.atoms[a].frozen != nil || n < 2 || n > maxFamily || k < 0 || int64(k) >= n || s.known(a) < 0 {
		return a
	}
	f := s.atoms[a].family
	if f == nil {
		f = s.makeFamily(a, over)
	}
	if s.find(f.over) != over {
		return a
	}
	return s.find(f.members[k])
}

func (s *store) makeFamily(a, over int) *family {
	f := &family{over: over, members: make([]int, s.known(over))}
	s.atoms[s.find(over)].over = true
	for k := range f.members {
		f.members[k] = s.fresh(s.atoms[a].size)
		s.atoms[f.members[k]].seats = []seat{{a, k}}
	}
	s.atoms[a].family = f
	return f
}

// spread gives the parts of a family the family's own shape: when an atom with
// members m0 m1 … is refined into x, each member becomes x with its own parts.
func (s *store) spread(f *family, x sum, node *onnxgraph.Node) {
	for k, m := range f.members {
		s.unify(single(m), s.pick(x, f.over, k), node)
	}
}

// lift carries the refinement of one member, a = x, up to its family: the
// family's atom is refined in the same shape, and by that all other members.
func (s *store) lift(st seat, a int, x sum, node *onnxgraph.Node) {
	top := s.find(st.family)
	f := s.atoms[top].family
	if f == nil || s.find(f.members[st.slot]) != s.find(a) {
		return
	}
	s.refine(top, s.likeness(x), node)
}

// likeness returns x with a fresh atom for each free one.
func (s *store) likeness(x sum) sum {
	out := make(sum, len(x))
	for i, p := range x {
		out[i] = make(prod, len(p))
		for j, l := range p {
			switch {
			case l.sum != nil:
				out[i][j] = leaf{sum: s.likeness(l.sum)}
			default:
				out[i][j] = leaf{atom: s.fresh(s.atoms[l.atom].size)}
			}
		}
	}
	return out
}

// unifyFamily handles (u v) = p+q+… where the terms are as large as v, or end
// in the midst of a row of it. Then v may be one thing at slot 0 of u, another
// at slot 1 and so on, and p and q need not move together. It reports whether x
// and y had that form.
func (s *store) unifyFamily(x, y sum, node *onnxgraph.Node) bool {
	if len(x) != 1 || len(x[0]) < 2 || x[0][0].sum != nil {
		return false
	}
	n := s.known(x[0][0].atom)
	if n < 2 || n > maxFamily || !s.fillsRows(y, x[0][1:], n) && !s.cutsRows(y, x[0]) {
		return false
	}
	s.unify(s.rows(x[0], node), y, node)
	return true
}

// rows writes (u v) as the sum of what v is at each slot of u.
func (s *store) rows(p prod, node *onnxgraph.Node) sum {
	over := p[0].atom
	s.freeze(single(over), &cause{node, "its slots hold parts that move apart"})
	var out sum
	for k := range int(s.known(over)) {
		out = append(out, s.pick(sum{p[1:]}, over, k)...)
	}
	return out
}

// unifyRows handles (u v) = (w z) where neither v nor z is a multiple of the
// other, as after a shuffle of channels between groups: row by row of the one
// that has fewer.
func (s *store) unifyRows(p, q prod, node *onnxgraph.Node) {
	if s.rowCount(p) > s.rowCount(q) {
		p, q = q, p
	}
	if s.rowCount(p) > maxFamily || s.slots(p) < 0 || s.slots(p) != s.slots(q) {
		s.misfit(node, sum{p}, sum{q})
		return
	}
	s.unify(s.rows(p, node), sum{q}, node)
}

// rowCount is the size of the first factor of a product, very large when it is
// none or not known.
func (s *store) rowCount(p prod) int64 {
	if len(p) < 2 || p[0].sum != nil || s.known(p[0].atom) < 2 {
		return math.MaxInt64
	}
	return s.known(p[0].atom)
}

// fillsRows reports whether y has n terms of the size of row.
func (s *store) fillsRows(y sum, row prod, n int64) bool {
	for _, t := range y {
		if !sameSize(s, t, row) {
			return false
		}
	}
	return int64(len(y)) == n
}

// cutsRows reports whether a term of y ends within a row of p, and the rows are
// better let differ than frozen.
func (s *store) cutsRows(y sum, p prod) bool {
	size := s.slots(p[1:])
	if size < 2 || !s.prefersRows(p) {
		return false
	}
	end, cut := int64(0), false
	for _, t := range y {
		n := s.slots(t)
		if n < 0 {
			return false
		}
		end += n
		cut = cut || end%size != 0
	}
	return cut
}

// prefersRows reports whether more of p stays free when its rows may differ, at
// the price that they keep their order, than when every row keeps its own: its
// first factor cannot move anyway, or has fewer slots than a row.
func (s *store) prefersRows(p prod) bool {
	n := s.rowCount(p)
	return n <= maxFamily && !s.frozenAll(sum{p[1:]}) && (s.atoms[p[0].atom].frozen != nil || n < s.slots(p[1:]))
}

// isOwnMember reports whether a is a member of its own family, or of a member's:
// then its slots at one place are tied to those at another, and so to all.
func (s *store) isOwnMember(a int) bool {
	seen := map[int]bool{}
	var below func(b int) bool
	below = func(b int) bool {
		f := s.atoms[b].family
		if f == nil || seen[b] {
			return false
		}
		seen[b] = true
		for _, m := range f.members {
			if m = s.find(m); m == a || below(m) {
				return true
			}
		}
		return false
	}
	return below(a)
}

// collapse gives up a family: all members move with the atom itself.
func (s *store) collapse(a int) {
	f := s.atoms[a].family
	if f == nil {
		return
	}
	s.atoms[a].family = nil
	s.tie(a, f.members, nil)
}
