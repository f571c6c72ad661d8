package main

import (
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestListen interrupts a search, which ends that alone, then everything.
func TestListen(t *testing.T) {
	signals, search, finished := make(chan os.Signal), make(chan struct{}), make(chan struct{})
	stopped := make(chan bool, 1)
	reached := make(chan struct{})
	go func() { <-search; close(reached) }()
	time.Sleep(10 * time.Millisecond) // the search is listening
	go func() { stopped <- listen(finished, signals, search, io.Discard) }()
	signals <- os.Interrupt
	<-reached
	signals <- os.Interrupt // no search is under way
	if !<-stopped {
		t.Error("a second interrupt does not stop")
	}
	go func() { stopped <- listen(finished, signals, search, io.Discard) }()
	signals <- syscall.SIGTERM
	if !<-stopped {
		t.Error("a termination does not stop")
	}
	close(finished)
	if listen(finished, signals, search, io.Discard) {
		t.Error("finished work was stopped")
	}
}
