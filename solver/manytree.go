package solver

import (
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// tree matches every model with every other and puts all into one order along
// the tree of the strongest pairs (Prim 1957).
func (m *many) tree() ([]permspec.Perms, error) {
	perms := m.identity()
	placed := []int{m.order[0]}
	left := m.order[1:]
	type bond struct {
		fit
		to int // whose order the permutations lead to
	}
	best := map[int]bond{}
	for len(left) > 0 && !m.stopped() {
		newest := placed[len(placed)-1]
		for _, k := range left {
			s, err := m.pair(newest, k)
			if err != nil {
				return nil, err
			}
			if b, ok := best[k]; !ok || s.value > b.value {
				best[k] = bond{s, newest}
			}
		}
		at := 0
		for i, k := range left {
			if best[k].value > best[left[at]].value {
				at = i
			}
		}
		k := left[at]
		perms[k] = m.spec.Then(best[k].perms, perms[best[k].to])
		placed = append(placed, k)
		left = append(append([]int{}, left[:at]...), left[at+1:]...)
	}
	return perms, nil
}

// pair matches model k with model j, both as they came.
func (m *many) pair(j, k int) (fit, error) {
	opts := m.opts.Match
	if opts.Starts <= 0 || opts.Starts > 2 {
		opts.Starts = 2
	}
	target, err := m.asFirst(j, m.spec.Identity())
	if err != nil {
		return fit{}, err
	}
	return m.rematch(k, target, m.spec.Identity(), opts)
}
