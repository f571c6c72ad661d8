package repair

import (
	"math"
	"slices"
)

// behind is how far above the least loss a candidate may be to stay in a race: after one
// fold, and after more.
var behind = [2]float64{2, 4. / 3}

// race compares candidates by cross-validation: judge fits those of the list
// without one fold of the data, one in heldEvery of its batches, and judges them
// on it. Candidates that are far behind the best after some folds are given no
// more; when one is left it has won, and otherwise all folds count. So the cost
// is that of one fold where the answer is clear, and heldEvery times that where it
// is not. Trials are means over the folds that a candidate was given.
func race(candidates int, judge func(fold int, list []int) ([]Trial, error)) (trials []Trial, best int, err error) {
	list, sums := make([]int, candidates), make([]Trial, candidates)
	for k := range list {
		list[k] = k
	}
	for n := range heldEvery {
		got, err := judge(heldEvery-1-n, list)
		if err != nil {
			return nil, 0, err
		}
		for i, k := range list {
			sums[k].Loss += got[i].Loss
			sums[k].Accuracy += got[i].Accuracy
			sums[k].Kind = got[i].Kind
			sums[k].Folds++
		}
		best = least(sums, list)
		limit := sums[best].mean().Loss * behind[min(n, 1)]
		if list = slices.DeleteFunc(list, func(k int) bool { return k != best && !(sums[k].mean().Loss <= limit) }); len(list) == 1 {
			break
		}
	}
	for _, t := range sums {
		trials = append(trials, t.mean())
	}
	return trials, best, nil
}

// mean divides the sums of a race by the number of folds.
func (t Trial) mean() Trial {
	t.Loss, t.Accuracy = t.Loss/float64(t.Folds), t.Accuracy/float64(t.Folds)
	return t
}

// least returns the candidate of least mean loss among those of the list, the
// first of equal ones.
func least(sums []Trial, list []int) int {
	best := list[0]
	for _, k := range list[1:] {
		was, is := sums[best].mean().Loss, sums[k].mean().Loss
		if is < was || math.IsNaN(was) && !math.IsNaN(is) {
			best = k
		}
	}
	return best
}
