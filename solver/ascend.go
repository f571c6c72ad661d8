package solver

import (
	"math"
	"slices"
	"sync"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// climb is coordinate ascent under way.
type climb struct {
	f     *frame
	ws    *workspace
	stale []bool // units whose gains may have changed since they were last matched
	value float64
	tell  func(unit int) // told after every unit
}

// reset takes the frame's permutations as they are now, every unit to be matched.
func (c *climb) reset() error {
	value, err := c.f.objective()
	c.value, c.stale = value, slices.Repeat([]bool{true}, len(c.f.plan.units))
	return err
}

// climb ascends, and sums the objective without the rounding of what each step was told to be
// worth.
func (c *climb) climb(order func() []int, sweeps int, worth float64) error {
	err := c.ascend(order, sweeps, worth)
	if err == nil {
		c.value, err = c.f.objective()
	}
	return err
}

// ascend sweeps over all units, in a new order each time, until nothing moves any
// more or a sweep raises the objective by less than the given part of it.
func (c *climb) ascend(order func() []int, sweeps int, worth float64) error {
	for range sweeps {
		before := c.value
		more, err := c.sweep(order())
		if err != nil {
			return err
		}
		if !more || c.value-before <= worth*math.Abs(before) {
			break
		}
	}
	return nil
}

// sweep matches every stale unit once, as in the given order, and reports whether
// there is reason to go on. Units that do not meet are matched side by side if there
// is room for the gains of all.
func (c *climb) sweep(order []int) (bool, error) {
	p := c.f.plan
	threads := c.ws.threads
	if !c.ws.keeps {
		threads = 1
	}
	size := make([]int, len(order))
	for k, n := range order {
		size[k] = p.size[p.units[n].group]
	}
	before, deltas := c.value, make([]float64, len(order))
	var mu sync.Mutex
	err := parallel.Follow(threads, p.follows(order), size, func(k int) error {
		n := order[k]
		mu.Lock()
		f, stale := *c.f, c.stale[n]
		mu.Unlock()
		if !stale || c.ws.stopped() {
			return nil
		}
		var err error
		if deltas[k], err = f.improve(c.ws, n); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		c.take(n, f.perms, deltas[k])
		return nil
	})
	if err != nil {
		return false, err
	}
	moved := false
	c.value = before // in an order that does not depend on the number of threads
	for _, delta := range deltas {
		c.value += delta
		moved = moved || delta > 0
	}
	return moved && !c.ws.stopped(), nil
}

// take gives a unit its permutations, which raised the objective by delta.
func (c *climb) take(n int, perms permspec.Perms, delta float64) {
	u := &c.f.plan.units[n]
	next := slices.Clone(c.f.perms)
	for _, g := range u.members {
		next[g] = perms[g]
	}
	c.f.perms = next
	c.value += delta
	c.stale[n] = false
	for _, m := range u.near {
		c.stale[m] = c.stale[m] || delta > 0
	}
	if c.tell != nil {
		c.tell(n)
	}
}

// follows lists, for each place in an order, those before it whose units meet its
// own: when all others are matched side by side, it is as if in the order.
func (p *plan) follows(order []int) [][]int {
	at := make([]int, len(p.units))
	for k, n := range order {
		at[n] = k
	}
	out := make([][]int, len(order))
	for k, n := range order {
		for _, m := range p.units[n].near {
			if at[m] < k {
				out[k] = append(out[k], at[m])
			}
		}
	}
	return out
}

// fixedOrder visits units as they are numbered.
func fixedOrder(n int) func() []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return func() []int { return order }
}

// improve matches one unit, keeps what raises the objective and returns by how
// much it did. The unit's old permutation and the best one differ by cycles; each
// cycle is taken on its own merit: as its gains tell if their rounding cannot be
// what raises it, and else as summed in float64 over its elements, so that neither
// ties nor rounding move anything.
func (f *frame) improve(ws *workspace, n int) (float64, error) {
	u := &f.plan.units[n]
	defer ws.forget(f.plan, n)
	next, err := f.propose(ws, n)
	if err != nil {
		return 0, err
	}
	sets := f.cycles(u, next)
	if u.own && len(sets) > 1 { // the cycles meet: together they may be worth more
		if delta := f.take(n, slices.Concat(sets...), next); delta > 0 {
			return delta, nil
		}
	}
	if !u.own {
		return f.takeEach(ws, n, sets, next), f.data.failed()
	}
	total := 0.0
	for _, places := range sets {
		total += f.take(n, places, next)
	}
	if f.plan.swappable(u) && total == 0 {
		return f.swaps(ws, n)
	}
	return total, f.data.failed()
}

// takeEach is take for sets of places that do not meet: every weight is looked
// at once for all of them that the gains leave in doubt.
func (f *frame) takeEach(ws *workspace, n int, sets [][]int32, next permspec.Perms) float64 {
	delta, doubt := f.told(ws, n, sets, next)
	var open [][]int32
	var which []int
	for k := range sets {
		if math.Abs(delta[k]) <= doubt[k] {
			open, which = append(open, sets[k]), append(which, k)
		}
	}
	exact, scale := f.changes(n, open, next)
	for o, k := range which {
		delta[k], doubt[k] = exact[o], 1e-11*scale[o]
	}
	total := 0.0
	var taken []int32
	for k, places := range sets {
		if delta[k] > doubt[k] {
			total += delta[k]
			taken = append(taken, places...)
		}
	}
	if len(taken) > 0 {
		f.perms = f.merge(&f.plan.units[n], taken, next)
	}
	return total
}

// take changes a unit's permutations to next at some places if that raises the
// objective, and returns by how much it does.
func (f *frame) take(n int, places []int32, next permspec.Perms) float64 {
	then := f.merge(&f.plan.units[n], places, next)
	delta, scale := f.change(n, places, then)
	if delta <= 1e-11*scale {
		return 0
	}
	f.perms = then
	return delta
}

// cycles parts the places of a unit's group where next differs from the frame's
// permutations into the smallest sets that can be changed without the others.
func (f *frame) cycles(u *unit, next permspec.Perms) [][]int32 {
	size := f.plan.size[u.group]
	root := make([]int32, size)
	for i := range root {
		root[i] = int32(i)
	}
	find := func(i int32) int32 {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for o := 0; o < len(next[u.group]); o += size {
		place := inverse(f.perms[u.group][o:o+size], size)
		for i, j := range next[u.group][o : o+size] {
			x, y := find(int32(i)), find(place[j])
			root[max(x, y)] = min(x, y)
		}
	}
	set := make([][]int32, size)
	for i, differs := range f.differs(u, next) {
		if differs {
			r := find(int32(i))
			set[r] = append(set[r], int32(i))
		}
	}
	return slices.DeleteFunc(set, func(s []int32) bool { return s == nil })
}

// differs marks the places of a unit's group at which next is not what the
// frame has, for the group or for one nested in it.
func (f *frame) differs(u *unit, next permspec.Perms) []bool {
	size := f.plan.size[u.group]
	out := make([]bool, size)
	for i, j := range next[u.group] {
		out[i%size] = out[i%size] || f.perms[u.group][i] != j
	}
	env := free(len(f.plan.size))
	for _, g := range u.members[1:] {
		n := f.plan.size[g]
		for i := range out {
			env[u.group] = int32(i)
			for _, r := range f.plan.rows(g, env) {
				out[i] = out[i] || !slices.Equal(f.perms[g][r*n:][:n], next[g][r*n:][:n])
			}
		}
	}
	return out
}

// merge returns the frame's permutations with next's at some places of a unit.
func (f *frame) merge(u *unit, places []int32, next permspec.Perms) permspec.Perms {
	out := slices.Clone(f.perms)
	for _, g := range u.members {
		out[g] = slices.Clone(out[g])
	}
	size := f.plan.size[u.group]
	for o := 0; o < len(next[u.group]); o += size {
		for _, i := range places {
			out[u.group][o+int(i)] = next[u.group][o+int(i)]
		}
	}
	env := free(len(f.plan.size))
	for _, g := range u.members[1:] {
		n := f.plan.size[g]
		for _, i := range places {
			env[u.group] = i
			for _, r := range f.plan.rows(g, env) {
				copy(out[g][r*n:][:n], next[g][r*n:][:n])
			}
		}
	}
	return out
}
