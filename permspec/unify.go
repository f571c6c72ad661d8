package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Unification may not end by itself: parts of parts of an axis that meets itself
// go on for ever. This bounds the terms that are looked at for one node; what
// takes more is frozen.
const maxSteps = 1 << 20

// spent counts terms that are to be looked at and reports whether that is too
// much.
func (s *store) spent(terms int) bool {
	s.steps += terms
	return s.steps > maxSteps
}

// unify makes x and y the same axis. Where their parts do not fit into each
// other they are frozen.
func (s *store) unify(x, y sum, node *onnxgraph.Node) {
	for {
		x, y = s.resolve(x), s.resolve(y)
		switch {
		case x.equal(y):
			return
		case s.spent(len(x) + len(y)):
			s.misfit(node, x, y)
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

// level splits the larger of the first terms of x and y until both have one
// size. It returns nil after freezing what does not fit.
func (s *store) level(x, y sum, node *onnxgraph.Node) (sum, sum) {
	for !sameSize(s, x[0], y[0]) {
		nx, ny := s.slots(x[0]), s.slots(y[0])
		ok := nx >= 0 && ny >= 0
		switch {
		case !ok:
		case nx > ny:
			x, ok = s.splitFirst(x, ny, node)
		default:
			y, ok = s.splitFirst(y, nx, node)
		}
		if !ok {
			s.misfit(node, x, y)
			return nil, nil
		}
	}
	return x, y
}

// splitFirst cuts the first term of x after n slots, or earlier.
func (s *store) splitFirst(x sum, n int64, node *onnxgraph.Node) (sum, bool) {
	head, ok := s.split(x[0], n, node)
	if !ok {
		return x, false
	}
	return append(head, x[1:]...), true
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

// split cuts the term p after n slots, or earlier, and returns the terms that
// replace it. The first factor is refined into a sum. Where the cut falls inside
// one of its slots, either all rows become terms of their own, or that row is
// frozen, and with it the order within every row.
func (s *store) split(p prod, n int64, node *onnxgraph.Node) (sum, bool) {
	if len(p) == 0 || p[0].sum != nil {
		return nil, false
	}
	row := s.slots(p[1:])
	first := s.known(p[0].atom)
	if row <= 0 || first < 0 || n <= 0 || n >= row*first {
		return nil, false
	}
	whole, part := n/row, n%row
	if s.atoms[p[0].atom].frozen != nil && first <= maxFamily || part > 0 && s.prefersRows(p) {
		return s.rows(p, node), true
	}
	var sizes []int64
	if part > 0 {
		sizes = []int64{whole, 1, first - whole - 1}
	} else {
		sizes = []int64{whole, first - whole}
	}
	var parts, out sum
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		a := leaf{atom: s.fresh(onnxgraph.Size(size))}
		parts = append(parts, prod{a})
		if part > 0 && i == 1 {
			out = append(out, s.still(part, node), s.still(row-part, node))
		} else {
			out = append(out, append(prod{a}, p[1:]...))
		}
	}
	if part > 0 {
		s.freeze(sum{p[1:]}, cutRow(node))
	}
	if !s.refine(p[0].atom, parts, node) {
		return nil, false
	}
	return s.resolve(out), true
}

// still is a term of n slots that do not move.
func (s *store) still(n int64, node *onnxgraph.Node) prod {
	a := s.fresh(onnxgraph.Size(n))
	s.freeze(single(a), cutRow(node))
	return prod{leaf{atom: a}}
}

func cutRow(node *onnxgraph.Node) *cause {
	return &cause{node, "one part of this axis ends in the midst of a row of another"}
}

// unifyProd makes two terms of one size the same, from the fastest factor on.
func (s *store) unifyProd(p, q prod, node *onnxgraph.Node) {
	for !s.spent(len(p) + len(q)) {
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
				s.unifyRows(p, q, node)
				return
			}
		}
	}
	s.misfit(node, sum{p}, sum{q})
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
	if k, ok := nq.Div(np); ok {
		if cut, ok := s.cutLast(lq, k, np, node); ok {
			return p, append(q[:len(q)-1:len(q)-1], cut...), true
		}
	}
	if k, ok := np.Div(nq); ok {
		if cut, ok := s.cutLast(lp, k, nq, node); ok {
			return append(p[:len(p)-1:len(p)-1], cut...), q, true
		}
	}
	return p, q, false
}

// cutLast makes the factor l, of outer·inner slots, the two factors that it
// returns.
func (s *store) cutLast(l leaf, outer, inner onnxgraph.Dim, node *onnxgraph.Node) (prod, bool) {
	if l.sum == nil {
		cut := prod{{atom: s.fresh(outer)}, {atom: s.fresh(inner)}}
		return cut, s.refine(l.atom, sum{cut}, node)
	}
	// A sum: every term must be a multiple, and all get the same fast factor.
	n, ok := inner.Known()
	if !ok {
		return nil, false
	}
	for _, t := range l.sum {
		if m := s.slots(t); m < 0 || m%n != 0 {
			return nil, false
		}
	}
	var slow sum
	fast := leaf{atom: s.fresh(inner)}
	for _, t := range l.sum {
		u := leaf{atom: s.fresh(onnxgraph.Size(s.slots(t) / n))}
		s.unifyProd(t, prod{u, fast}, node)
		slow = append(slow, prod{u})
	}
	return prod{{sum: slow}, fast}, true
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
	A.over = A.over || B.over
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
	if frozen != nil && s.atoms[a].over { // it stays one atom, by which others differ
		x.each(func(b int) { s.links = append(s.links, link{a, b, node}) })
		s.freeze(x, frozen)
		return true
	}
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
