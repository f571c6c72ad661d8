package rebasin

import "testing"

// What comes from stop once ends every search that waits, now or later; without it nothing ends.
func TestLatch(t *testing.T) {
	stop := make(chan struct{})
	closed, done := latch(stop)
	stop <- struct{}{}
	for range 3 {
		<-closed
	}
	done()
	done()
	closed, done = latch(stop)
	done()
	select {
	case <-closed:
		t.Error("ended without a stop")
	case stop <- struct{}{}:
		t.Error("still waiting")
	default:
	}
}
