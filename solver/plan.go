package solver

import "slices"

// plan is what can be known of an alignment problem without its numbers: which
// groups are to be matched and how their gains are put together.
type plan struct {
	size  []int   // of every group
	under [][]int // of every group in the plan: the groups it is under
	vary  []bool  // the groups to be matched; others in the plan are given
	boxes []box
	units []unit

	allGains, largestGains int64 // bytes
}

// unit is a group to be matched that is under no other such group, with all
// that is nested in it. It is matched as a whole.
type unit struct {
	group   int
	members []int      // the group and those nested in it
	plain   []site     // where the group stands with nothing nested in it
	inner   []inner    // nested groups that meet no other
	joint   []joint    // nested groups that do
	stands  []standing // every box the group stands in
	weights []int      // all weights it stands in
	near    []int      // units that have a box with this one; itself if own
	own     bool       // stands twice in some box: the gain depends on its own permutation
}

// site is one occurrence of a group: the rows of its gain matrix are the slots
// of some digits of a box, and entry (i, j) is the sum of A[i, r]·B[j, r] over
// the places r of the rest. Pins are the digits of the groups that it is under
// and that are matched elsewhere: there is a gain matrix for each of their
// places.
type site struct {
	box              int
	rows, pins, rest []int
}

// inner is a group nested in a unit that stands in no box with another group of
// the unit. Rows are the slots of the unit's group and its own.
type inner struct {
	group int
	sites []site
}

// joint is a set of groups nested in a unit that meet each other, or that have
// groups nested in them. For each pair of slots of the unit's group they are an
// alignment problem of their own.
type joint struct {
	members []int
	plan    *plan
	from    []origin // of each box of the plan
	homes   []inner  // members and the boxes where they are at home, which is in one for each of from
	others  []int    // groups that the plan has besides, which stand for members in other slots of the unit's group: whose
	still   []bool   // of each box of the plan: only one member stands in it, whatever slots the unit's group is at
	flat    bool     // nothing is nested in a member, and each is at home somewhere
}

// origin says how a box of a joint plan is made: digit is the unit's, which is
// fixed at a pair of slots, keep the digits that stay and drop those that become
// fixed offsets.
type origin struct {
	box, digit       int
	pins, keep, drop []int
}

// standing is a box and the digits in it that hold the unit's group.
type standing struct {
	box    int
	digits []int
}

// newPlan plans the matching of the groups that vary.
func newPlan(size []int, vary []bool, boxes []box) *plan {
	p := &plan{size: size, vary: vary, boxes: boxes, under: make([][]int, len(size))}
	for k := range boxes {
		for _, d := range boxes[k].digits {
			if d.group >= 0 && p.under[d.group] == nil {
				p.under[d.group] = []int{}
				for _, u := range d.under {
					p.under[d.group] = append(p.under[d.group], boxes[k].digits[u].group)
				}
			}
		}
	}
	for g := range size {
		if p.under[g] != nil && vary[g] && !slices.ContainsFunc(p.under[g], func(u int) bool { return vary[u] }) {
			p.units = append(p.units, p.unit(g))
		}
	}
	p.meet()
	p.measure()
	return p
}

// meet finds which units have boxes in common.
func (p *plan) meet() {
	near := make([]map[int]bool, len(p.units))
	for n := range near {
		near[n] = map[int]bool{}
	}
	for k := range p.boxes {
		in := map[int]bool{}
		for _, d := range p.boxes[k].digits {
			if d.group < 0 {
				continue
			}
			for n, u := range p.units {
				if slices.Contains(u.members, d.group) {
					in[n] = true
				}
			}
		}
		for n := range in {
			for m := range in {
				near[n][m] = true
			}
		}
	}
	for n := range p.units {
		u := &p.units[n]
		for m := range p.units {
			if near[n][m] && (m != n || u.own) {
				u.near = append(u.near, m)
			}
		}
	}
}

// unit plans one group and what is nested in it.
func (p *plan) unit(y int) unit {
	u := unit{group: y, members: []int{y}}
	for g := range p.size {
		if p.vary[g] && slices.Contains(p.under[g], y) {
			u.members = append(u.members, g)
		}
	}
	alone := p.loners(&u)
	bySub := map[int]int{} // direct child to its place in u.inner
	for k := range p.boxes {
		st := standing{box: k}
		for d, dg := range p.boxes[k].digits {
			if dg.group != y {
				continue
			}
			st.digits = append(st.digits, d)
			tree := p.boxes[k].tree(d)
			u.own = u.own || p.repeats(&u, k, tree)
			switch {
			case len(tree) == 1:
				u.plain = append(u.plain, p.boxes[k].site(k, tree))
			case alone[p.boxes[k].digits[tree[1]].group]:
				x := p.boxes[k].digits[tree[1]].group
				at, ok := bySub[x]
				if !ok {
					at = len(u.inner)
					bySub[x] = at
					u.inner = append(u.inner, inner{group: x})
				}
				u.inner[at].sites = append(u.inner[at].sites, p.boxes[k].site(k, tree))
			}
		}
		if st.digits != nil {
			u.stands = append(u.stands, st)
			if w := p.boxes[k].weight; !slices.Contains(u.weights, w) {
				u.weights = append(u.weights, w)
			}
		}
	}
	for _, set := range p.joints(&u, alone) {
		u.joint = append(u.joint, p.joint(y, set))
	}
	return u
}

// tree lists a digit and those under it, itself first.
func (b *box) tree(d int) []int {
	out := []int{d}
	for e, dg := range b.digits {
		if slices.Contains(dg.under, d) {
			out = append(out, e)
		}
	}
	return out
}

// site makes the site whose rows are the given digits, the last one under all
// others.
func (b *box) site(k int, rows []int) site {
	s := site{box: k, rows: rows}
	for _, p := range b.digits[rows[len(rows)-1]].under {
		if !slices.Contains(rows, p) {
			s.pins = append(s.pins, p)
		}
	}
	s.rest = b.others(rows, s.pins)
	return s
}

// others lists the digits that are in none of the sets, fastest last.
func (b *box) others(sets ...[]int) []int {
	var out []int
	for d := range b.digits {
		if !slices.ContainsFunc(sets, func(s []int) bool { return slices.Contains(s, d) }) {
			out = append(out, d)
		}
	}
	return b.fastLast(out)
}

// repeats reports whether box k has a digit of the unit outside the given tree.
func (p *plan) repeats(u *unit, k int, tree []int) bool {
	for d, dg := range p.boxes[k].digits {
		if slices.Contains(u.members, dg.group) && !slices.Contains(tree, d) {
			return true
		}
	}
	return false
}

// loners marks the groups nested in the unit's group directly, with nothing
// nested in them, that stand with no other group of the unit under one digit.
func (p *plan) loners(u *unit) map[int]bool {
	alone := map[int]bool{}
	for _, x := range u.members[1:] {
		alone[x] = true
	}
	for k := range p.boxes {
		b := &p.boxes[k]
		for d, dg := range b.digits {
			if dg.group != u.group {
				continue
			}
			if tree := b.tree(d); len(tree) > 2 {
				for _, e := range tree[1:] {
					delete(alone, b.digits[e].group)
				}
			}
		}
	}
	return alone
}

// joints parts the other nested groups into sets that do not meet.
func (p *plan) joints(u *unit, alone map[int]bool) [][]int {
	set := map[int]int{}
	for _, x := range u.members[1:] {
		if !alone[x] {
			set[x] = x
		}
	}
	for k := range p.boxes {
		b := &p.boxes[k]
		for d, dg := range b.digits {
			if dg.group != u.group {
				continue
			}
			tree := b.tree(d)[1:]
			for _, e := range tree {
				from, to := set[b.digits[e].group], set[b.digits[tree[0]].group]
				for x, s := range set {
					if s == from {
						set[x] = to
					}
				}
			}
		}
	}
	var out [][]int
	for _, x := range u.members[1:] {
		if set[x] != x || alone[x] {
			continue
		}
		var members []int
		for _, g := range u.members[1:] {
			if !alone[g] && set[g] == x {
				members = append(members, g)
			}
		}
		out = append(out, members)
	}
	return out
}

// joint plans a set of nested groups for a fixed slot of y.
func (p *plan) joint(y int, members []int) joint {
	j := joint{members: members}
	vary := make([]bool, len(p.size))
	for _, g := range members {
		vary[g] = true
	}
	var boxes []box
	for k := range p.boxes {
		b := &p.boxes[k]
		for d, dg := range b.digits {
			tree := b.tree(d)
			if dg.group != y || len(tree) < 2 || !vary[b.digits[tree[1]].group] {
				continue
			}
			o := origin{box: k, digit: d, pins: dg.under, keep: slices.Clone(tree[1:])}
			fixed := append([]int{d}, dg.under...)
			o.keep = b.closure(o.keep, fixed)
			o.drop = b.others(fixed, o.keep)
			j.from = append(j.from, o)
			s := b.site(k, []int{d, b.home(tree)})
			j.house(s, p)
			j.still = append(j.still, len(p.hidden(&s, j.has)) == 0)
			boxes = append(boxes, b.part(o.keep))
			j.give(p, &boxes[len(boxes)-1], b, o)
		}
	}
	size := slices.Clone(p.size)
	for _, g := range j.others {
		size = append(size, p.size[g])
	}
	j.plan = newPlan(size, append(vary, make([]bool, len(j.others))...), boxes)
	j.flat = !slices.ContainsFunc(j.plan.units, func(u unit) bool {
		return len(u.members) > 1 || len(j.plan.under[u.group]) > 0 || !j.houses(u.group)
	})
	return j
}

// give tells the members that stand in a part of a box under another digit of the unit's group from
// those that are matched: they are given, and have groups of their own.
func (j *joint) give(p *plan, part, b *box, o origin) {
	for k, e := range o.keep {
		group := b.digits[e].group
		if group < 0 || !j.has(group) || !slices.ContainsFunc(b.digits[e].under, func(u int) bool { return u != o.digit && b.digits[u].group == b.digits[o.digit].group }) {
			continue
		}
		at := slices.Index(j.others, group)
		if at < 0 {
			at = len(j.others)
			j.others = append(j.others, group)
		}
		part.digits[k].group = len(p.size) + at
	}
}

func (j *joint) has(group int) bool { return slices.Contains(j.members, group) }

// houses reports whether a group is at home in some box.
func (j *joint) houses(group int) bool {
	return slices.ContainsFunc(j.homes, func(in inner) bool { return in.group == group })
}

// home is a digit of a tree that is under the first alone, of the tree: the one whose group
// comes first, for groups follow those that they are under.
func (b *box) home(tree []int) int {
	return slices.MinFunc(tree[1:], func(d, e int) int { return b.digits[d].group - b.digits[e].group })
}

// house notes the site of a group that is at home in a box.
func (j *joint) house(s site, p *plan) {
	group := p.boxes[s.box].digits[s.rows[1]].group
	at := slices.IndexFunc(j.homes, func(in inner) bool { return in.group == group })
	if at < 0 {
		at = len(j.homes)
		j.homes = append(j.homes, inner{group: group})
	}
	j.homes[at].sites = append(j.homes[at].sites, s)
}

// closure adds to some digits those that hang together with them by nesting,
// except the fixed ones, and returns them in order.
func (b *box) closure(digits, fixed []int) []int {
	for grown := true; grown; {
		grown = false
		for e, dg := range b.digits {
			for _, q := range dg.under {
				if slices.Contains(fixed, q) || slices.Contains(fixed, e) || slices.Contains(digits, e) == slices.Contains(digits, q) {
					continue
				}
				if grown = true; slices.Contains(digits, e) {
					digits = append(digits, q)
				} else {
					digits = append(digits, e)
				}
			}
		}
	}
	slices.Sort(digits)
	return digits
}

// part is the box of some digits, without those they are under.
func (b *box) part(keep []int) box {
	out := box{weight: b.weight}
	for _, d := range keep {
		dg := b.digits[d]
		var under []int
		for _, u := range dg.under {
			if at := slices.Index(keep, u); at >= 0 {
				under = append(under, at)
			}
		}
		out.digits = append(out.digits, digit{dg.group, dg.size, dg.stride, under})
	}
	return out
}

// rows lists which rows of a group's permutations belong to the places in env
// (by group; -1: every place), slowest first.
func (p *plan) rows(g int, env []int32) []int {
	out := []int{0}
	for _, u := range p.under[g] {
		n := p.size[u]
		next := make([]int, 0, len(out))
		for _, r := range out {
			if env[u] >= 0 {
				next = append(next, r*n+int(env[u]))
				continue
			}
			for i := range n {
				next = append(next, r*n+i)
			}
		}
		out = next
	}
	return out
}

// work is how many multiplications the gain matrices of all units take.
func (p *plan) work() float64 {
	sum := 0.0
	for n := range p.units {
		u := &p.units[n]
		for _, s := range u.plain {
			sum += p.product(&s)
		}
		for _, in := range u.inner {
			for _, s := range in.sites {
				sum += p.product(&s)
			}
		}
		for _, j := range u.joint {
			sum += float64(p.size[u.group]) * float64(p.size[u.group]) * j.plan.work()
		}
	}
	return sum
}

// product is how many multiplications the gains of a site take: each element of the
// box meets those of all rows.
func (p *plan) product(s *site) float64 {
	n := 1.0
	for _, d := range p.boxes[s.box].digits {
		n *= float64(d.size)
	}
	for _, d := range s.rows {
		n *= float64(p.boxes[s.box].digits[d].size)
	}
	return n
}
