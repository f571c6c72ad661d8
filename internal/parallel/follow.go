package parallel

import "sync"

// Follow calls work for 0 to len(follows)-1, on up to the given number of goroutines, each
// when all those it follows are done; of those that are ready, the one that costs most goes
// first. No number follows itself or a greater one. After an error no more begin;
// the error of the least number is returned.
func Follow(goroutines int, follows [][]int, cost []int, work func(i int) error) error {
	errs := make([]error, len(follows))
	q := newQueue(follows, cost)
	goroutines = max(1, min(goroutines, len(follows)))
	For(goroutines, goroutines, func(int) {
		for i := q.next(); i >= 0; i = q.next() {
			func() {
				fine := false
				defer func() { q.done(i, fine) }() // a panic is no reason for others to wait
				errs[i] = work(i)
				fine = errs[i] == nil
			}()
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// queue holds what Follow has not begun.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	cost    []int
	waits   []int   // for how many each number waits
	then    [][]int // which numbers wait for each
	ready   []int
	left    int // not begun
	stopped bool
}

func newQueue(follows [][]int, cost []int) *queue {
	n := len(follows)
	q := &queue{cost: cost, waits: make([]int, n), then: make([][]int, n), left: n}
	q.changed.L = &q.mu
	for i, before := range follows {
		if q.waits[i] = len(before); len(before) == 0 {
			q.ready = append(q.ready, i)
		}
		for _, j := range before {
			q.then[j] = append(q.then[j], i)
		}
	}
	return q
}

// next waits for a number that is ready; it returns -1 when there will be none.
func (q *queue) next() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 && q.left > 0 && !q.stopped {
		q.changed.Wait()
	}
	if q.left == 0 || q.stopped {
		return -1
	}
	at := 0
	for k, i := range q.ready {
		if most := q.ready[at]; q.cost[i] > q.cost[most] || q.cost[i] == q.cost[most] && i < most {
			at = k
		}
	}
	i := q.ready[at]
	q.ready[at] = q.ready[len(q.ready)-1]
	q.ready = q.ready[:len(q.ready)-1]
	q.left--
	return i
}

// done lets those go that waited for number i alone.
func (q *queue) done(i int, fine bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = q.stopped || !fine
	for _, j := range q.then[i] {
		if q.waits[j]--; q.waits[j] == 0 {
			q.ready = append(q.ready, j)
		}
	}
	q.changed.Broadcast()
}
