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

// EffortMax ends when so many rounds in a row found nothing better, and after
// mostRounds in any case. Small networks have the more patience.
const (
	leastPatience = 12
	mostPatience  = 100
	mostRounds    = 500
)

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
	ctx, cancel := context.WithCancel(ctx)
	timeout := func() {}
	if o.MaxTime > 0 {
		ctx, timeout = context.WithDeadline(ctx, began.Add(o.MaxTime))
	}
	if o.Stop != nil {
		go func() {
			select {
			case <-o.Stop:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { timeout(); cancel() }
}
