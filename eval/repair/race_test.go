package repair

import (
	"math"
	"slices"
	"testing"
)

// TestRace: candidates far behind get no more folds, close ones are decided by
// all, and a candidate that gives nonsense loses to any other.
func TestRace(t *testing.T) {
	losses := [][]float64{ // by candidate, then fold
		{1.2, 1.2, 1.2, 1.2, 0.9},
		{1.2, 0.9, 0.9, 0.9, 1.7},
		{9, 9, 9, 9, 5},
		{0, 0, 0, 0, math.NaN()},
	}
	var rounds [][]int
	judge := func(fold int, list []int) ([]Trial, error) {
		rounds = append(rounds, slices.Clone(list))
		var out []Trial
		for _, k := range list {
			out = append(out, Trial{Loss: losses[k][fold]})
		}
		return out, nil
	}
	trials, best, err := race(len(losses), judge)
	if err != nil || best != 1 {
		t.Errorf("candidate %d won, %v", best, err)
	}
	if len(rounds) != heldEvery || !slices.Equal(rounds[1], []int{0, 1}) {
		t.Errorf("rounds of %v", rounds)
	}
	if trials[1].Folds != heldEvery || trials[2].Folds != 1 || trials[1].Loss < 1.119 || trials[1].Loss > 1.121 {
		t.Errorf("trials %+v", trials)
	}
	rounds = nil
	losses = [][]float64{{3, 3, 3, 3, 3}, {1, 1, 1, 1, 1}}
	if _, best, _ = race(2, judge); best != 1 || len(rounds) != 1 {
		t.Errorf("a clear race: candidate %d won after %d folds", best, len(rounds))
	}
}
