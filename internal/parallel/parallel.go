// Package parallel spreads work over goroutines.
package parallel

import (
	"sync"
	"sync/atomic"
)

// For calls work for 0 to n-1, on up to the given number of goroutines, the
// caller's among them. A panic of work, which on a goroutine of its own would end the
// process, reaches the caller; what has not begun by then is left.
func For(goroutines, n int, work func(i int)) {
	if goroutines = min(goroutines, n); goroutines <= 1 {
		for i := range n {
			work(i)
		}
		return
	}
	var next atomic.Int64
	var once sync.Once
	var failure any
	run := func() {
		defer func() {
			if r := recover(); r != nil {
				next.Store(int64(n))
				once.Do(func() { failure = r })
			}
		}()
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			work(i)
		}
	}
	var others sync.WaitGroup
	for range goroutines - 1 {
		others.Go(run)
	}
	run()
	others.Wait()
	if failure != nil {
		panic(failure)
	}
}

// Try is For for work that may fail. It returns the error of the least number that
// did, whatever the number of goroutines; later ones may have been worked on.
func Try(goroutines, n int, work func(i int) error) error {
	if min(goroutines, n) <= 1 {
		for i := range n {
			if err := work(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	For(goroutines, n, func(i int) { errs[i] = work(i) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
