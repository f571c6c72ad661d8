package kernel

import "github.com/onnx-rebasin/onnx-rebasin/internal/parallel"

// grain is how many simple element operations are worth a goroutine.
const grain = 1 << 14

// Parallel splits 0…n-1 into ranges and calls f for each, on up to c.Threads
// goroutines. cost is the number of element operations of one index: small
// work is not split. A panic in f reaches the caller of Parallel.
func (c *Call) Parallel(n, cost int, f func(lo, hi int)) {
	parts := min(c.Threads, n, 1+n*max(cost, 1)/grain)
	if parts <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	parallel.For(parts, parts, func(part int) { f(n*part/parts, n*(part+1)/parts) })
}

// lanes is Parallel for work that needs memory of its own on every goroutine:
// f also gets the number of its goroutine, below min(c.Threads, n).
func (c *Call) lanes(n, cost int, f func(lane, lo, hi int)) {
	parts := min(c.Threads, n)
	if parts <= 1 || n*max(cost, 1) < grain {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	c.Parallel(parts, n*cost/parts+grain, func(first, end int) {
		for part := first; part < end; part++ {
			f(part, n*part/parts, n*(part+1)/parts)
		}
	})
}
