package solver

import (
	"context"
	"time"
)

// together is how many starts are made from the same optimum. They can
// run side by side, so it is not to depend on the number of threads.
const together = 4

// EffortDefault makes at least one start and at most usual ones, as many as can be
// made with about spend multiplications a sweep: a second, more or less. It ends
// earlier when so many rounds in a row found nothing better.
const (
	usual     = 2 + 6*together
	spend     = 2.3e9
	idleUsual = 2
)

// EffortMax makes starts until so many rounds in a row found nothing better, and mostRounds
// in any case. Small networks have the more patience. Then it crosses and couples the best
// until idleFinish rounds found nothing better.
const (
	leastPatience = 12
	mostPatience  = 100
	mostRounds    = 500
	idleFinish    = 2
)

// A sweep that raises the objective by less than this part of it is the last of an ascent.
const (
	worth     = 1e-9 // which is to say that nothing moves but by rounding
	worthFast = 1e-3 // with EffortFast
)

func (o *Options) worth() float64 {
	if o.Effort == EffortFast {
		return worthFast
	}
	return worth
}

// limits returns the most starts and how many rounds may bring nothing.
func (o *Options) limits(p *plan) (starts, idle int) {
	affordable := spend / max(1, p.work())
	switch {
	case o.Ascend:
		return 1, 1
	case o.Starts > 0:
		return o.Starts, o.Starts
	case o.Effort == EffortFast:
		return 1, 1
	case o.Effort == EffortMax:
		return 2 + together*mostRounds, int(max(leastPatience, min(mostPatience, affordable/together)))
	}
	return int(max(1, min(usual, affordable))), idleUsual
}

// limit returns a context that ends with Stop and MaxTime too.
func (o *Options) limit(ctx context.Context, began time.Time) (context.Context, context.CancelFunc) {
	left := o.MaxTime
	if left > 0 {
		left = max(1, left-time.Since(began))
	}
	return Limit(ctx, left, o.Stop)
}

// Limit returns a context that also ends after maxTime, if that is not 0, and when
// something comes from stop or it is closed. The function that it returns ends it.
func Limit(ctx context.Context, maxTime time.Duration, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timeout := func() {}
	if maxTime > 0 {
		ctx, timeout = context.WithTimeout(ctx, maxTime)
	}
	if stop != nil {
		go func() {
			select {
			case <-stop:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { timeout(); cancel() }
}
