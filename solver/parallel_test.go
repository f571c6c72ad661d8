package solver

import (
	"strings"
	"testing"
)

// A panic on any goroutine is an error of the caller.
func TestParallelPanic(t *testing.T) {
	for _, threads := range []int{1, 3} {
		err := parallel(threads, 8, func(i int) error {
			if i == 5 {
				panic("broken")
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "internal fault: broken") {
			t.Errorf("%d threads: error %v", threads, err)
		}
	}
}
