package parallel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// Everything is done once, and nothing before what it follows.
func TestFollow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for run := range 200 {
		n := rng.IntN(30)
		follows, cost := make([][]int, n), make([]int, n)
		for i := range follows {
			cost[i] = rng.IntN(5)
			for j := range i {
				if rng.IntN(6) == 0 {
					follows[i] = append(follows[i], j)
				}
			}
		}
		var mu sync.Mutex
		done := make([]int, n)
		err := Follow(run%5, follows, cost, func(i int) error {
			mu.Lock()
			defer mu.Unlock()
			done[i]++
			for _, j := range follows[i] {
				if done[j] == 0 {
					return fmt.Errorf("%d is begun before %d", i, j)
				}
			}
			return nil
		})
		if err != nil || slices.ContainsFunc(done, func(times int) bool { return times != 1 }) {
			t.Fatalf("run %d: %v, done %v times", run, err, done)
		}
	}
}

// On one goroutine the costly go first, as far as they may.
func TestFollowCost(t *testing.T) {
	var got []int
	_ = Follow(1, [][]int{nil, nil, {0}, nil}, []int{1, 5, 9, 5}, func(i int) error {
		got = append(got, i)
		return nil
	})
	if want := []int{1, 3, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// An error, and a panic, end it though others wait for what failed.
func TestFollowFails(t *testing.T) {
	follows := [][]int{nil, {0}, {1}, {2}}
	bad := errors.New("bad")
	for _, goroutines := range []int{1, 3} {
		calls := 0
		err := Follow(goroutines, follows, make([]int, 4), func(i int) error {
			if calls++; i == 1 {
				return bad
			}
			return nil
		})
		if err != bad || calls != 2 {
			t.Errorf("%d goroutines: error %v after %d calls", goroutines, err, calls)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d goroutines: no panic", goroutines)
				}
			}()
			_ = Follow(goroutines, follows, make([]int, 4), func(i int) error { panic(i) })
		}()
	}
}
