//go:build linux

package ort

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// resident is the program's memory in MiB.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var total, pages int
	fmt.Sscan(string(text), &total, &pages)
	return pages * os.Getpagesize() >> 20
}

// Neither runs nor sessions, good or failed, keep memory.
func TestLeaks(t *testing.T) {
	m := model(t, onnxgraph.Float32, onnxgraph.Float32, node("Neg x -> a"), node("Exp a -> y"))
	x := map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Float32, []int{1 << 18}, make([]float32, 1<<18))} // 1 MiB
	bad := map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Int64, []int{1 << 17}, make([]int64, 1<<17))}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	work := func(rounds int) {
		for range rounds {
			s := session(t, m, Options{})
			for range 10 {
				if _, err := s.Run(ctx, x, []string{"a", "y"}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Run(ctx, bad, nil); err == nil {
					t.Fatal("a wrong type was taken")
				}
			}
			s.Close()
		}
	}
	work(5)
	before := resident(t)
	work(30)
	if grown := resident(t) - before; grown > 60 {
		t.Errorf("300 runs of 2 MiB results in 30 sessions: memory has grown by %d MiB", grown)
	}
}
