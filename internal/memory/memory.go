// Package memory keeps garbage of large buffers small.
package memory

import (
	"runtime"
	"sync/atomic"
)

// most is how many bytes may be let go before they are collected. Left to itself
// the collector waits until the heap has doubled; collecting large buffers costs
// little, since they hold no pointers.
const most = 64 << 20

var wasted atomic.Int64

// Waste counts a buffer that is not needed any more.
func Waste(bytes int64) {
	if wasted.Add(bytes) >= most {
		wasted.Store(0)
		runtime.GC()
	}
}
