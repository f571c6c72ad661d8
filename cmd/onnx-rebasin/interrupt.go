package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopKey is the context's channel on which an interrupt reaches a search.
type stopKey struct{}

// interruptible returns a context that ends when the process is told to. An
// interrupt (Ctrl-C) during a search only ends the search, which then goes on with
// the best it has found; done ends the listening.
func interruptible(stderr io.Writer) (ctx context.Context, done func()) {
	search := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), stopKey{}, search))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	finished := make(chan struct{})
	go func() {
		if listen(finished, signals, search, stderr) {
			cancel()
			signal.Stop(signals) // the next one ends the process
			select {
			case <-finished:
			case <-time.After(grace):
				os.Exit(exitFailed)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(); close(finished) }
}

// grace is how long work that does not look at its context may go on.
const grace = 5 * time.Second

// listen waits for the signal to stop, and reports whether it came before the
// work was finished.
func listen(finished <-chan struct{}, signals <-chan os.Signal, search chan<- struct{}, stderr io.Writer) bool {
	for {
		select {
		case s := <-signals:
			if s == os.Interrupt {
				select {
				case search <- struct{}{}:
					fmt.Fprintln(stderr, "\nonnx-rebasin: going on with the best so far; once more stops at once")
					continue
				default: // no search is under way
				}
			}
			return true
		case <-finished:
			return false
		}
	}
}

// searchStop is the channel for solver.Options.Stop.
func searchStop(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stopKey{}).(chan struct{})
	return stop
}
