package permspec

import (
	"fmt"
	"math/rand/v2"
)

// outer returns how many permutations group g has: the product of the sizes of
// the groups it is under.
func (s *Spec) outer(g int) int {
	n := 1
	for _, y := range s.Groups[g].Under {
		n *= s.Groups[y].Size
	}
	return n
}

// Identity returns the member that moves nothing.
func (s *Spec) Identity() Perms {
	return s.each(func(g int, p []int32) {
		for i := range p {
			p[i] = int32(i)
		}
	})
}

// Random returns a uniformly random member.
func (s *Spec) Random(rng *rand.Rand) Perms {
	p := s.Identity()
	for g := range p {
		n := s.Groups[g].Size
		for o := 0; o < len(p[g]); o += n {
			row := p[g][o : o+n]
			rng.Shuffle(n, func(i, j int) { row[i], row[j] = row[j], row[i] })
		}
	}
	return p
}

// each makes Perms row by row.
func (s *Spec) each(row func(g int, p []int32)) Perms {
	p := make(Perms, len(s.Groups))
	for g := range p {
		n := s.Groups[g].Size
		p[g] = make([]int32, n*s.outer(g))
		for o := 0; o < len(p[g]); o += n {
			row(g, p[g][o:o+n])
		}
	}
	return p
}

// Check reports whether p is a member: the right lengths, and a permutation in
// every row.
func (s *Spec) Check(p Perms) error {
	if len(p) != len(s.Groups) {
		return fmt.Errorf("permspec: %d permutations for %d groups", len(p), len(s.Groups))
	}
	for g, rows := range p {
		n := s.Groups[g].Size
		if len(rows) != n*s.outer(g) {
			return fmt.Errorf("permspec: group %q has %d entries, want %d", s.Groups[g].Name, len(rows), n*s.outer(g))
		}
		seen := make([]int, n)
		for o := 0; o < len(rows); o += n {
			for _, v := range rows[o : o+n] {
				if v < 0 || int(v) >= n || seen[v] == o+1 {
					return fmt.Errorf("permspec: group %q: entries %d to %d are not a permutation of %d slots", s.Groups[g].Name, o, o+n-1, n)
				}
				seen[v] = o + 1
			}
		}
	}
	return nil
}

// source returns, for row o of group g (the places of the groups it is under),
// the row of the original: where the permutations of those groups take the
// places from.
func (s *Spec) source(p Perms, g, o int) int {
	under := s.Groups[g].Under
	places := make([]int, len(under))
	for k := len(under) - 1; k >= 0; k-- {
		n := s.Groups[under[k]].Size
		places[k] = o % n
		o /= n
	}
	row := 0
	for k, y := range under {
		row = row*s.Groups[y].Size + int(p[y][s.rowOf(y, under, places)*s.Groups[y].Size+places[k]])
	}
	return row
}

// Sources lists, for every place of group g, row by row, the slot of the original
// that p puts there, as the row-major index of its row and its slot.
func (s *Spec) Sources(p Perms, g int) []int {
	n := s.Groups[g].Size
	out := make([]int, len(p[g]))
	for i, v := range p[g] {
		out[i] = s.source(p, g, i/n)*n + int(v)
	}
	return out
}

// rowOf returns the row of group y at the given places of groups, which hold
// all that y is under.
func (s *Spec) rowOf(y int, groups, places []int) int {
	row := 0
	for _, z := range s.Groups[y].Under {
		for k, g := range groups {
			if g == z {
				row = row*s.Groups[z].Size + places[k]
			}
		}
	}
	return row
}

// Invert returns the member that undoes p.
//
//	Apply(Apply(m, p), Invert(p)) = m
func (s *Spec) Invert(p Perms) Perms {
	q := s.Identity()
	for g, rows := range p {
		n := s.Groups[g].Size
		for o := 0; o*n < len(rows); o++ {
			from := s.source(p, g, o)
			for i, v := range rows[o*n : o*n+n] {
				q[g][from*n+int(v)] = int32(i)
			}
		}
	}
	return q
}

// Then returns the member that is p first and q after it.
//
//	Apply(Apply(m, p), q) = Apply(m, Then(p, q))
func (s *Spec) Then(p, q Perms) Perms {
	r := s.Identity()
	for g, rows := range q {
		n := s.Groups[g].Size
		for o := 0; o*n < len(rows); o++ {
			first := p[g][s.source(q, g, o)*n:]
			for i, v := range rows[o*n : o*n+n] {
				r[g][o*n+i] = first[v]
			}
		}
	}
	return r
}

// Moved returns the fraction of all slots that p takes from elsewhere; a slot
// of a nested group counts once for each row.
func (s *Spec) Moved(p Perms) float64 {
	moved, all := 0, 0
	for g, rows := range p {
		n := s.Groups[g].Size
		for i, v := range rows {
			all++
			if int(v) != i%n {
				moved++
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(moved) / float64(all)
}
