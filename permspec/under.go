package permspec

// An atom x is under y when x may be permuted differently for each slot of y.
// That holds when, at every node and name by name, wherever x's name stands in
// an operand, one and the same name of y stands there too. It is not enough
// that the atom y is there: in "i k, k j -> i j" with i and j both y, the y of
// the left operand is i and that of the right one is j, so k is not under y.

// place is where an atom stands in a relation: the k-th leaf of what a name
// stands for.
type place struct {
	name string
	leaf int
}

// occurrence is one place in one operand.
type occurrence struct {
	place
	atom int
	axis int
	// terms are the sums around the occurrence and the term it is in: it has a
	// slot only where all of them do.
	terms []termOf
}

type termOf struct {
	sum, term int
}

// unders maps an atom to the atoms it is under.
type unders map[int]map[int]bool

// settle decides which families hold: the atom of a family must be under the
// atom whose slot tells its members apart. Those that do not hold are
// collapsed, until all do.
func (inf *inference) settle() {
	for {
		u := inf.unders()
		again := false
		for a := range inf.atoms {
			at := &inf.atoms[a]
			if at.parent != a || at.def != nil || at.family == nil {
				continue
			}
			if set, seen := u[a]; seen && !set[inf.find(at.family.over)] {
				inf.collapse(a)
				again = true
			}
		}
		if !again {
			return
		}
	}
}

// unders intersects, over all relations, what each atom may be under.
func (inf *inference) unders() unders {
	u := unders{}
	for _, r := range inf.relation {
		inf.narrow(u, r)
	}
	return u
}

// narrow takes from u what relation r does not allow.
func (inf *inference) narrow(u unders, r relation) {
	with := map[occKey]map[occKey]bool{}
	for i, l := range r.sig.In {
		inf.partners(with, inf.occurrences(l, r.env), inf.conflicts(r, i))
	}
	for _, l := range r.sig.Out {
		inf.partners(with, inf.occurrences(l, r.env), nil)
	}
	for x, partners := range with {
		set := map[int]bool{}
		for y := range partners {
			set[y.atom] = true
		}
		u.meet(x.atom, set)
		// What the family's atom stands with, each member stands with its own
		// member of.
		f := inf.atoms[x.atom].family
		if f == nil {
			continue
		}
		for k, m := range f.members {
			inf.narrowMember(u, m, set, f, k)
		}
	}
}

func (inf *inference) narrowMember(u unders, m int, set map[int]bool, f *family, k int) {
	own := map[int]bool{}
	for y := range set {
		if g := inf.atoms[y].family; g != nil && inf.find(g.over) == inf.find(f.over) {
			y = g.members[k]
		}
		own[inf.find(y)] = true
	}
	root := inf.find(m)
	u.meet(root, own)
	if g := inf.atoms[root].family; g != nil {
		for j, n := range g.members {
			inf.narrowMember(u, n, own, g, j)
		}
	}
}

func (u unders) meet(x int, set map[int]bool) {
	old, seen := u[x]
	if !seen {
		u[x] = set
		return
	}
	for y := range old {
		if !set[y] {
			delete(old, y)
		}
	}
}

// occKey is an atom at a place: one name may stand for several atoms when a
// member of a family was taken.
type occKey struct {
	place
	atom int
}

// partners intersects into with, for every occurrence of an operand, the
// occurrences it stands with there. The atoms that conflict mean nothing there.
func (inf *inference) partners(with map[occKey]map[occKey]bool, occ []occurrence, conflict map[int]bool) {
	for i, x := range occ {
		key := occKey{x.place, x.atom}
		found := map[occKey]bool{}
		for _, j := range canonical(occ, i) {
			if conflict[occ[j].atom] {
				continue
			}
			found[occKey{occ[j].place, occ[j].atom}] = true
		}
		old, ok := with[key]
		if !ok {
			with[key] = found
		}
		for y := range old {
			if !found[y] {
				delete(old, y)
			}
		}
	}
}

// canonical lists, for each atom that has a slot wherever occurrence i has one,
// the occurrence that counts: the only one on the same axis, or else the only
// one at all. An atom with several has none.
func canonical(occ []occurrence, i int) []int {
	x := occ[i]
	near, far := map[int][]int{}, map[int][]int{}
	for j, y := range occ {
		if j == i || y.atom == x.atom || !within(y.terms, x.terms) {
			continue
		}
		far[y.atom] = append(far[y.atom], j)
		if y.axis == x.axis {
			near[y.atom] = append(near[y.atom], j)
		}
	}
	var out []int
	for a, all := range far {
		switch {
		case len(near[a]) == 1:
			out = append(out, near[a][0])
		case len(near[a]) == 0 && len(all) == 1:
			out = append(out, all[0])
		}
	}
	return out
}

// within reports whether every sum around y is around x too, in the same term.
func within(y, x []termOf) bool {
	for _, t := range y {
		found := false
		for _, s := range x {
			found = found || s == t
		}
		if !found {
			return false
		}
	}
	return true
}

// occurrences lists the places of an operand.
func (inf *inference) occurrences(l Layout, env map[string]sum) []occurrence {
	w := walker{inf: inf, env: env}
	for k, a := range l {
		w.axis = k
		w.pattern(a, nil)
	}
	return w.out
}

type walker struct {
	inf  *inference
	env  map[string]sum
	axis int
	sums int
	leaf int
	name string
	out  []occurrence
}

func (w *walker) enter(around []termOf, sum, term, terms int) []termOf {
	if terms == 1 {
		return around
	}
	return append(append([]termOf{}, around...), termOf{sum, term})
}

func (w *walker) pattern(a Axis, around []termOf) {
	w.sums++
	id := w.sums
	for i, t := range a {
		inner := w.enter(around, id, i, len(a))
		for _, f := range t {
			w.factor(f, inner)
		}
	}
}

func (w *walker) factor(f Factor, around []termOf) {
	switch {
	case f.Sum != nil:
		w.pattern(f.Sum, around)
	case f.Pick != nil:
		w.picked(f, around)
	case f.Name != "" && w.env[f.Name] != nil:
		w.name, w.leaf = f.Name, 0
		w.sum(w.inf.resolve(w.inf.meaning(f, w.env)), around)
	}
}

// meaning is what a factor's name, or its choice, stands for: nil for neither.
func (inf *inference) meaning(f Factor, env map[string]sum) sum {
	switch {
	case f.Pick != nil:
		return env[pickName(f)]
	case f.Name == "":
		return nil
	}
	x := env[f.Name]
	if x != nil && f.Sel {
		if over, ok := soleAtom(inf.resolve(env[f.By])); ok {
			x = inf.look(x, over, f.Slot)
		}
	}
	return x
}

// picked walks a choice. Its members and their family stand at one place.
func (w *walker) picked(f Factor, around []termOf) {
	if x := w.env[pickName(f)]; x != nil {
		w.name, w.leaf = pickName(f), 0
		w.sum(w.inf.resolve(x), around)
	}
}

func (w *walker) sum(x sum, around []termOf) {
	w.sums++
	id := w.sums
	for i, p := range x {
		inner := w.enter(around, id, i, len(x))
		for _, l := range p {
			if l.sum != nil {
				w.sum(l.sum, inner)
				continue
			}
			w.out = append(w.out, occurrence{place{w.name, w.leaf}, l.atom, w.axis, inner})
			w.leaf++
		}
	}
}
