package permspec

// bodied lists the operators that hand values on to their bodies and back.
var bodied = map[string]bool{"If": true, "Loop": true, "Scan": true}

// freezeDropped freezes the slots of weights that are handed on and at last
// dropped, such as the positions beyond the length that a file was exported for.
// They could stand in any order, which would be of no use to anyone.
func (inf *inference) freezeDropped() {
	read := map[int]bool{}
	var mark func(x sum)
	mark = func(x sum) {
		inf.resolve(x).each(func(a int) {
			if read[a] {
				return
			}
			read[a] = true
			if f := inf.atoms[a].family; f != nil {
				for _, m := range f.members {
					mark(single(m))
				}
			}
		})
	}
	for _, r := range inf.relation {
		if r.node != nil && r.node.Domain == "" && (carriers[r.node.Op] || bodied[r.node.Op]) {
			continue
		}
		for _, x := range r.env {
			mark(x)
		}
	}
	for _, w := range inf.laidOut() {
		for _, x := range inf.weights[w] {
			inf.resolve(x).each(func(a int) {
				if !inf.reads(read, a, map[int]bool{}) && inf.atoms[a].frozen == nil {
					inf.freeze(single(a), &cause{nil, "nothing is computed from these slots"})
				}
			})
		}
	}
}

// reads reports whether a, or a member of its family, is read.
func (inf *inference) reads(read map[int]bool, a int, seen map[int]bool) bool {
	if read[a] || seen[a] {
		return read[a]
	}
	seen[a] = true
	f, found := inf.atoms[a].family, false
	if f != nil {
		for _, m := range f.members {
			inf.resolve(single(m)).each(func(b int) { found = found || inf.reads(read, b, seen) })
		}
	}
	return found
}
