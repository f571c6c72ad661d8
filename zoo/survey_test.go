package zoo

import (
	"context"
	"strings"
	"testing"
)

// A panic on any goroutine is an error of the caller.
func TestEachPanic(t *testing.T) {
	err := each(context.Background(), 8, 3, func(i int) {
		if i == 5 {
			panic("broken")
		}
	}, func(int) {})
	if err == nil || !strings.Contains(err.Error(), "internal fault: broken") {
		t.Errorf("error %v", err)
	}
}
