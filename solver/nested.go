package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
)

// nested is what some groups nested in a unit's group are worth between two slots of it:
// of(i, j), which is no more than most[i][j] unless most is empty, when nothing is known
// before. To find it is a matching of its own.
type nested struct {
	most Matrix[float64]
	of   func(i, j int) (float64, error)
}

// assign finds the assignment with the largest sum of value and of what list adds to it.
// Without bounds all of that is found first, and with noise, for how strong that is depends on it.
func (ws *workspace) assign(value Matrix[float32], list []nested, opts AssignOptions) (*Assignment, error) {
	var bounded []nested
	for _, n := range list {
		if ws.noise == 0 && n.most.Rows > 0 {
			bounded = append(bounded, n)
		} else if err := n.add(ws.threads, value); err != nil {
			return nil, err
		}
	}
	ws.disturb(value)
	if len(bounded) > 0 {
		return assignNested(value, bounded, ws.threads, opts)
	}
	return Assign(value, opts)
}

// add adds to value what the groups are worth.
func (n nested) add(threads int, value Matrix[float32]) error {
	return parallel.Try(threads, value.Rows*value.Cols, func(k int) error {
		i, j := k/value.Cols, k%value.Cols
		v, err := n.of(i, j)
		value.Row(i)[j] += float32(v)
		return err
	})
}

// assignNested is assign without noise. Pairs of slots begin with bounds, and only those that the
// best assignment picks are matched within, until it picks no others: what else there is, is
// worth no more than its bounds.
func assignNested(value Matrix[float32], list []nested, threads int, opts AssignOptions) (*Assignment, error) {
	most := value
	most.Data = slices.Clone(value.Data)
	for _, n := range list {
		for i := range most.Rows {
			row := most.Row(i)
			for j, v := range n.most.Row(i) {
				row[j] += float32(v)
			}
		}
	}
	known := make([]bool, value.Rows*value.Cols)
	for {
		solved, err := Assign(most, opts)
		if err != nil {
			return nil, err
		}
		var pairs []int
		for i, j := range solved.Col {
			if k := i*value.Cols + int(j); !known[k] {
				pairs = append(pairs, k)
			}
		}
		if len(pairs) == 0 {
			return solved, nil
		}
		err = parallel.Try(threads, len(pairs), func(n int) error {
			i, j := pairs[n]/value.Cols, pairs[n]%value.Cols
			sum := value.Row(i)[j]
			for _, n := range list {
				v, err := n.of(i, j)
				if err != nil {
					return err
				}
				sum += float32(v)
			}
			most.Row(i)[j], known[pairs[n]] = sum, true
			return nil
		})
		if err != nil {
			return nil, err
		}
		opts.Warm = solved
	}
}

// atMost is no less than the value of any assignment: the sum of the largest gain of each
// row, or of each column if that is less.
func atMost(m Matrix[float32]) float64 {
	least := math.Inf(-1)
	cols := slices.Repeat([]float32{float32(least)}, m.Cols)
	byRows := 0.0
	for i := range m.Rows {
		best := float32(least)
		for j, v := range m.Row(i) {
			best = max(best, v)
			cols[j] = max(cols[j], v)
		}
		byRows += float64(best)
	}
	byCols, size := 0.0, 0.0
	for _, v := range cols {
		byCols += float64(v)
		size += math.Abs(float64(v))
	}
	return min(byRows, byCols+1e-12*size) // the latter is added up in another order than an assignment's value
}

// inner returns what inner group k is worth, which meets no others.
func (f *frame) inner(ws *workspace, n, o, k int, env []int32) nested {
	u := &f.plan.units[n]
	in := &u.inner[k]
	size, small := f.plan.size[u.group], f.plan.size[in.group]
	at := o*len(u.inner) + k
	var all []Matrix[float32] // for each place of the group's own pins
	f.plan.each(f.plan.extra(in.group, u.group, env), env, func(e int) error {
		if len(ws.units[n].inner[at]) == e {
			ws.units[n].inner[at] = append(ws.units[n].inner[at], newGains(size*small, len(in.sites)))
		}
		g := ws.units[n].inner[at][e]
		g.compute(f, in.sites, env, ws)
		all = append(all, f.blur(in.sites, env, g, ws))
		return nil
	})
	most := Matrix[float64]{size, size, size, make([]float64, size*size)}
	parallel.For(ws.threads, size, func(i int) {
		for j := range most.Row(i) {
			for _, c := range all {
				most.Row(i)[j] += atMost(part(c, i, j, small))
			}
		}
	})
	return nested{most, func(i, j int) (float64, error) {
		sum := 0.0
		for _, c := range all {
			a, err := Assign(part(c, i, j, small), AssignOptions{})
			if err != nil {
				return 0, err
			}
			sum += a.Value
		}
		return sum, nil
	}}
}

// house is a member of a joint set in the boxes where it is at home: gains of all its slots, in
// all slots of the unit's group.
type house struct {
	group int
	still *gains          // of the boxes that are still
	a, b  []float64       // sums of the squares of these boxes' elements
	guess Matrix[float32] // of the others, too, as far as they can be told
}

// bound returns what the groups of a joint set are worth at most, and the gains that tell. In
// every box one of them is at home; the rest of the set can make no more of two of its slots than
// their elements sorted (the rearrangement inequality). Nothing is known where part of a box is fixed.
func (f *frame) bound(j *joint, group int, env []int32, threads int) (most Matrix[float64], houses []house) {
	if slices.ContainsFunc(j.from, func(o origin) bool { return f.at[o.box].fixed != nil }) {
		return most, nil
	}
	size := f.plan.size[group]
	most = Matrix[float64]{size, size, size, make([]float64, size*size)}
	for _, in := range j.homes {
		small := f.plan.size[in.group]
		f.plan.each(f.plan.extra(in.group, group, env), env, func(int) error {
			still, x, y := newGains(size*small, 0), make([]float64, size*small), make([]float64, size*small)
			var others []*site
			for k := range in.sites {
				if s := &in.sites[k]; len(f.plan.hidden(s, j.has)) > 0 {
					others = append(others, s)
				} else {
					f.product(s, env, still, threads)
					f.squares(s, x, y, threads)
				}
			}
			g := still
			if len(others) > 0 {
				g = still.clone()
			}
			for _, s := range others {
				f.profile(s, env, f.plan.hidden(s, j.has), math.MaxInt, g, threads)
			}
			houses = append(houses, house{in.group, still, x, y, g.Matrix})
			a, b := f.slotNorms(&in, size, threads)
			off := g.off(1)
			parallel.For(threads, size, func(i int) {
				for k := range most.Row(i) {
					most.Row(i)[k] += atMost(part(g.Matrix, i, k, small)) + off*a[i]*b[k]
				}
			})
			return nil
		})
	}
	return most, houses
}

// slotNorms returns the norms of a unit's slots in A and in B over all sites of a nested
// group, wherever its pins are.
func (f *frame) slotNorms(in *inner, size, threads int) (a, b []float64) {
	small := f.plan.size[in.group]
	sites := slices.Clone(in.sites)
	for k, s := range sites {
		sites[k].rest, sites[k].pins = slices.Concat(s.rest, s.pins), nil
	}
	g := gains{Matrix: Matrix[float32]{Rows: size * small}}
	g.norms(f, sites, threads)
	a, b = make([]float64, size), make([]float64, size)
	for k := range g.a {
		a[k/small] = math.Hypot(a[k/small], g.a[k])
		b[k/small] = math.Hypot(b[k/small], g.b[k])
	}
	return a, b
}
