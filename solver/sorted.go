package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// scalar reports whether the slots of an inner group are single numbers: it stands
// in one box, against nothing. Then the best permutation between two slots of the
// unit's group brings the numbers into the same order (the rearrangement
// inequality), and no gain matrix is needed: weights that are only averaged, as
// where a network normalises its own weights, have thousands of such slots for
// each unit.
func (p *plan) scalar(in *inner) bool {
	return len(in.sites) == 1 && len(in.sites[0].rest) == 0
}

// scalar is that of the plan where the frame has not fixed coordinates against which
// the group stands.
func (f *frame) scalar(in *inner) bool {
	if !f.plan.scalar(in) {
		return false
	}
	fixed := f.at[in.sites[0].box].fixed
	return fixed == nil || len(fixed.a) == 1
}

// ranking holds, for each slot of a unit's group, the numbers of an inner group in
// order of size, and the slots they are from.
type ranking struct {
	numbers []float32
	slots   []int32
	small   int
}

func (r *ranking) of(i int) []int32 { return r.slots[i*r.small:][:r.small] }

// rankings ranks the numbers of a scalar inner group in A and in B, where env
// gives the places of the groups that are pinned.
func (f *frame) rankings(s *site, env []int32, small int, ws *workspace) (a, b ranking) {
	slots := f.slots(s.box, s.rows)
	x, y := f.data.of(f.plan.boxes[s.box].weight)
	f.chunks(s, env, nil, func(at offsets) {
		a = rank(x[at.a[0]:], slots, small, ws.threads)
		b = rank(y[at.b[0]:], slots, small, ws.threads)
	})
	return a, b
}

// rank sorts x at the given slots, small at a time; equal numbers stay in order.
func rank(x []float32, slots []int, small, threads int) ranking {
	r := ranking{make([]float32, len(slots)), make([]int32, len(slots)), small}
	parallel.For(threads, len(slots)/small, func(i int) {
		at, order := slots[i*small:][:small], r.of(i)
		keys := make([]uint64, small) // the number above, its slot below
		for k := range keys {
			keys[k] = uint64(ascending(x[at[k]]))<<32 | uint64(k)
		}
		slices.Sort(keys)
		for k, key := range keys {
			order[k] = int32(uint32(key))
			r.numbers[i*small+k] = x[at[order[k]]]
		}
	})
	return r
}

// ascending maps numbers to integers of the same order.
func ascending(v float32) uint32 {
	bits := math.Float32bits(v)
	if bits>>31 == 1 {
		return ^bits
	}
	return bits | 1<<31
}

// scalarGains adds to value, for each pair of slots of the unit's group, what a scalar group is
// worth: one product of sorted numbers.
func (f *frame) scalarGains(ws *workspace, u *unit, in *inner, env []int32, value Matrix[float32]) {
	small := f.plan.size[in.group]
	f.plan.each(f.plan.extra(in.group, u.group, env), env, func(int) error {
		a, b := f.rankings(&in.sites[0], env, small, ws)
		f32.ProductAcc(ws.threads, f32.Dense(a.numbers, value.Rows, small, small), f32.Dense(b.numbers, value.Rows, small, small).T(), value.Data, value.Stride)
		return nil
	})
}

// scalarPerms is innerPerms for a scalar group.
func (f *frame) scalarPerms(ws *workspace, u *unit, in *inner, env, col []int32, next permspec.Perms) error {
	small := f.plan.size[in.group]
	return f.plan.each(f.plan.extra(in.group, u.group, env), env, func(int) error {
		a, b := f.rankings(&in.sites[0], env, small, ws)
		for i, j := range col {
			env[u.group] = int32(i)
			row := next[in.group][f.plan.rows(in.group, env)[0]*small:][:small]
			from := b.of(int(j))
			for k, slot := range a.of(i) {
				row[slot] = from[k]
			}
		}
		env[u.group] = -1
		return nil
	})
}
