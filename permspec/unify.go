package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// unify makes x and y the same axis. Where their parts do not fit into each
// other they are frozen.
func (s *store) unify(x, y sum, node *onnxgraph.Node) {
	for {
		x, y = s.resolve(x), s.resolve(y)
		if x.equal(y) {
			return
		}
		if len(x) == 1 && len(y) == 1 {
			s.unifyProd(x[0], y[0], node)
			return
		}
		// Some side has two or more terms: bring the first terms to one size.
		if a, ok := soleAtom(x); ok {
			s.refine(a, y, node)
			return
		}
		if a, ok := soleAtom(y); ok {
			s.refine(a, x, node)
			return
		}
		if s.unifyFamily(x, y, node) || s.unifyFamily(y, x, node) {
			return
		}
		if x, y = s.level(x, y, node); x == nil {
			return
		}
		s.unifyProd(x[0], y[0], node)
		x, y = x[1:], y[1:]
		if len(x) == 0 || len(y) == 0 {
			if len(x)+len(y) > 0 {
				s.misfit(node, append(x, y...))
			}
			return
		}
	}
}

func soleAtom(x sum) (int, bool) {
	if len(x) == 1 && len(x[0]) == 1 && x[0][0].sum == nil {
		return x[0][0].atom, true
	}
	return 0, false
}

// level splits the larger of the first terms of x and y so that both first
// terms have one size. It returns nil after freezing what does not fit.
func (s *store) level(x, y sum, node *onnxgraph.Node) (sum, sum) {
	nx, ny := s.slots(x[0]), s.slots(y[0])
	switch {
	case sameSize(s, x[0], y[0]):
		return x, y
	case nx < 0 || ny < 0:
	case nx > ny:
		if head, ok := s.split(x[0], ny, node); ok {
			return append(head, x[1:]...), y
		}
	default:
		if head, ok := s.split(y[0], nx, node); ok {
			return x, append(head, y[1:]...)
		}
	}
	s.misfit(node, x, y)
	return nil, nil
}

func sameSize(s *store, p, q prod) bool {
	a, ok1 := s.prodSize(p)
	b, ok2 := s.prodSize(q)
	return ok1 && ok2 && a == b
}

// slots returns the known number of slots of p, or -1.
func (s *store) slots(p prod) int64 {
	if d, ok := s.prodSize(p); ok {
		if n, known := d.Known(); known {
			return n
		}
	}
	return -1
}

// split cuts the term p after n slots and returns the terms that replace it.
// The first factor is refined into a sum; the cut may fall inside one of its
// slots, which then is split in turn.
func (s *store) split(p prod, n int64, node *onnxgraph.Node) (sum, bool) {
	if len(p) == 0 || p[0].sum != nil {
		return nil, false
	}
	rest := s.slots(p[1:])
	first := s.known(p[0].atom)
	if rest <= 0 || first < 0 || n <= 0 || n >= rest*first {
		return nil, false
	}
	var parts sum
	whole, part := n/rest, n%rest
	add := func(size int64) {
		if size > 0 {
			parts = append(parts, prod{leaf{atom: s.fresh(onnxgraph.Size(size))}})
		}
	}
	add(whole)
	if part > 0 {
		add(1)
		add(first - whole - 1)
	} else {
		add(first - whole)
	}
	if !s.refine(p[0].atom, parts, node) {
		return nil, false
	}
	if part == 0 {
		return s.resolve(sum{p}), true
	}
	inner, ok := s.split(p[1:], part, node)
	if !ok {
		return nil, false
	}
	_ = inner // the refinement shows in p's own resolution
	return s.resolve(sum{p}), true
}

// unifyProd makes two terms of one size the same, from the fastest factor on.
func (s *store) unifyProd(p, q prod, node *onnxgraph.Node) {
	for {
		x, y := s.resolveProd(p), s.resolveProd(q)
		if x.equal(y) {
			return
		}
		if len(x) != 1 || len(y) != 1 {
			s.unify(x, y, node)
			return
		}
		p, q = x[0], y[0]
		if len(p) == 0 || len(q) == 0 {
			s.misfit(node, sum{p}, sum{q})
			return
		}
		if len(p) == 1 && p[0].sum == nil {
			s.join(p[0].atom, sum{q}, node)
			return
		}
		if len(q) == 1 && q[0].sum == nil {
			s.join(q[0].atom, sum{p}, node)
			return
		}
		ok := false
		if p, q, ok = s.cancelLast(p, q, node); !ok {
			if p, q, ok = s.cancelFirst(p, q, node); !ok {
				s.misfit(node, sum{p}, sum{q})
				return
			}
		}
	}
}

// join makes the atom a the same as x.
func (s *store) join(a int, x sum, node *onnxgraph.Node) {
	if b, ok := soleAtom(x); ok {
		s.union(a, b, node)
	} else {
		s.refine(a, x, node)
	}
}

// cancelLast unifies the last factors of p and q and returns the others. When
// one is a multiple of the other it is refined into a product first.
func (s *store) cancelLast(p, q prod, node *onnxgraph.Node) (prod, prod, bool) {
	lp, lq := p[len(p)-1], q[len(q)-1]
	np, ok1 := s.leafSize(lp)
	nq, ok2 := s.leafSize(lq)
	if !ok1 || !ok2 {
		return p, q, false
	}
	if np == nq {
		s.unify(sum{prod{lp}}, sum{prod{lq}}, node)
		return p[:len(p)-1], q[:len(q)-1], true
	}
	if k, ok := nq.Div(np); ok && s.cutLast(lq, k, np, node) {
		return p, q, true
	}
	if k, ok := np.Div(nq); ok && s.cutLast(lp, k, nq, node) {
		return p, q, true
	}
	return p, q, false
}

// cutLast refines the factor l, of outer·inner slots, into (outer inner).
func (s *store) cutLast(l leaf, outer, inner onnxgraph.Dim, node *onnxgraph.Node) bool {
	if l.sum == nil {
		return s.refine(l.atom, sum{prod{{atom: s.fresh(outer)}, {atom: s.fresh(inner)}}}, node)
	}
	// A sum: every term must be a multiple, and all get the same fast factor.
	n, ok := inner.Known()
	if !ok {
		return false
	}
	for _, t := range l.sum {
		if m := s.slots(t); m < 0 || m%n != 0 {
			return false
		}
	}
	fast := s.fresh(inner)
	for _, t := range l.sum {
		s.unifyProd(t, prod{{atom: s.fresh(onnxgraph.Size(s.slots(t) / n))}, {atom: fast}}, node)
	}
	return true
}

// cancelFirst unifies the first factors of p and q when they have one size.
func (s *store) cancelFirst(p, q prod, node *onnxgraph.Node) (prod, prod, bool) {
	np, ok1 := s.leafSize(p[0])
	nq, ok2 := s.leafSize(q[0])
	if !ok1 || !ok2 || np != nq {
		return p, q, false
	}
	s.unify(sum{prod{p[0]}}, sum{prod{q[0]}}, node)
	return p[1:], q[1:], true
}

// misfit freezes expressions whose parts cannot be brought together.
func (s *store) misfit(node *onnxgraph.Node, xs ...sum) {
	why := &cause{node, "the parts of two axes that meet here do not fit into each other"}
	for _, x := range xs {
		s.freeze(x, why)
	}
}

// union makes two unrefined atoms one.
func (s *store) union(a, b int, node *onnxgraph.Node) {
	a, b = s.find(a), s.find(b)
	if a == b {
		return
	}
	s.links = append(s.links, link{a, b, node})
	A, B := &s.atoms[a], &s.atoms[b]
	if na, nb := s.known(a), s.known(b); na >= 0 && nb >= 0 && na != nb {
		why := &cause{node, fmt.Sprintf("an axis of %d meets one of %d", na, nb)}
		s.freeze(single(a), why)
		s.freeze(single(b), why)
		return
	} else if na < 0 && nb >= 0 {
		A.size = B.size
	}
	fa, fb := A.family, B.family
	B.parent = a
	A.seats = append(A.seats, B.seats...)
	if A.frozen == nil && B.frozen != nil {
		why := B.frozen
		s.freeze(single(a), why)
	} else if A.frozen != nil && fb != nil {
		for _, m := range fb.members {
			s.freeze(single(m), A.frozen)
		}
	}
	switch {
	case fa == nil:
		s.atoms[a].family = fb
	case fb == nil:
	case s.find(fa.over) == s.find(fb.over):
		for k := range fa.members {
			s.unify(single(fa.members[k]), single(fb.members[k]), node)
		}
	default:
		s.atoms[a].family = nil
		s.tie(a, append(append([]int{}, fa.members...), fb.members...), node)
	}
	if a = s.find(a); s.isOwnMember(a) {
		s.collapse(a)
	}
}

// tie makes atom a and all members one.
func (s *store) tie(a int, members []int, node *onnxgraph.Node) {
	for _, m := range members {
		s.unify(single(a), single(m), node)
	}
}

// refine gives the atom a its parts. It reports false, with everything frozen,
// when that is impossible.
func (s *store) refine(a int, x sum, node *onnxgraph.Node) bool {
	a, x = s.find(a), s.resolve(x)
	if s.atoms[a].def != nil {
		s.unify(single(a), x, node)
		return true
	}
	if b, ok := soleAtom(x); ok {
		s.union(a, b, node)
		return true
	}
	d, known := s.size(x)
	na, n := s.known(a), int64(-1)
	if known {
		if k, ok := d.Known(); ok {
			n = k
		}
	}
	if x.has(a) || na >= 0 && n >= 0 && na != n {
		s.misfit(node, single(a), x)
		return false
	}
	fam, seats, frozen := s.atoms[a].family, s.atoms[a].seats, s.atoms[a].frozen
	s.atoms[a].def = x
	s.atoms[a].family, s.atoms[a].seats = nil, nil
	x.each(func(b int) { s.links = append(s.links, link{a, b, node}) })
	if frozen != nil {
		s.freeze(x, frozen)
	}
	if fam != nil {
		s.spread(fam, x, node)
	}
	for _, st := range seats {
		s.lift(st, a, x, node)
	}
	return true
}
