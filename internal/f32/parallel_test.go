package f32

import "testing"

// A panic on any goroutine reaches the caller.
func TestSplitPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	g := &product{isa: portable, a: Dense(make([]float32, 1<<12), 64, 64, 64), b: Dense(make([]float32, 1<<14), 64, 256, 256), alpha: 1, c: make([]float32, 1<<14), ldc: 256}
	g.plan()
	g.c = g.c[:10] // as no caller can
	g.split(2)
}
