package parallel

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

func TestFor(t *testing.T) {
	for _, goroutines := range []int{0, 1, 3, 50} {
		for _, n := range []int{0, 1, 7, 40} {
			calls := make([]atomic.Int64, n)
			For(goroutines, n, func(i int) { calls[i].Add(1) })
			for i := range calls {
				if got := calls[i].Load(); got != 1 {
					t.Errorf("%d goroutines: %d of %d is worked on %d times", goroutines, i, n, got)
				}
			}
		}
	}
}

// A panic reaches the caller, whichever goroutine it is on.
func TestPanic(t *testing.T) {
	for _, goroutines := range []int{1, 3} {
		for at := range 8 {
			func() {
				defer func() {
					if r := recover(); r != "broken" {
						t.Errorf("%d goroutines: %d gave %v", goroutines, at, r)
					}
				}()
				For(goroutines, 8, func(i int) {
					if i == at {
						panic("broken")
					}
				})
			}()
		}
	}
}

// The error is the same on any number of goroutines.
func TestTry(t *testing.T) {
	for _, goroutines := range []int{1, 3, 20} {
		err := Try(goroutines, 20, func(i int) error {
			if i%7 == 4 {
				return fmt.Errorf("error of %d", i)
			}
			return nil
		})
		if want := errors.New("error of 4"); err == nil || err.Error() != want.Error() {
			t.Errorf("%d goroutines: %v", goroutines, err)
		}
		if err := Try(goroutines, 5, func(int) error { return nil }); err != nil {
			t.Errorf("%d goroutines: %v", goroutines, err)
		}
	}
}
