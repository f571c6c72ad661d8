package rebasin_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

var long = flag.Bool("long", false, "100 merges at the same time and 1,000 in sequence, instead of some")

// Many merges, at the same time and one after the other, all write the same bytes
// and leave nothing behind: no goroutines, no open files, no memory.
func TestLoad(t *testing.T) {
	together, sequence := 4, 12
	if *long {
		together, sequence = 100, 1000
	}
	want := mergedFile(t)
	before := held()
	var all sync.WaitGroup
	for range together {
		all.Go(func() {
			if !bytes.Equal(mergedFile(t), want) {
				t.Error("a merge beside others wrote other bytes")
			}
		})
	}
	all.Wait()
	before.compare(t, fmt.Sprintf("after %d merges at the same time", together))
	for k := range sequence {
		if !bytes.Equal(mergedFile(t), want) {
			t.Fatalf("merge %d wrote other bytes", k)
		}
	}
	before.compare(t, fmt.Sprintf("after %d merges in sequence", sequence))
}

// mergedFile opens, merges, checks and writes two models.
func mergedFile(t *testing.T) []byte {
	var models [2]*onnxgraph.Model
	for k, name := range []string{"a", "b"} {
		m, err := onnxgraph.Load("fixtures/mlp/" + name + ".onnx")
		if err != nil {
			t.Error(err)
			return nil
		}
		defer m.Close()
		models[k] = m
	}
	var out bytes.Buffer
	m, err := rebasin.Merge(t.Context(), models[0], models[1], rebasin.Options{Lambda: 0.5, Match: solver.Options{Starts: 1}})
	if err == nil {
		_, err = m.Model.WriteTo(&out)
	}
	if err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

// holdings are what a process has.
type holdings struct {
	heap       uint64 // bytes
	goroutines int
	files      []string // open, where the system tells
}

func held() holdings {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	h := holdings{heap: stats.HeapAlloc, goroutines: runtime.NumGoroutine()}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			h.files = append(h.files, to)
		}
	}
	slices.Sort(h.files)
	return h
}

// slack is how much the heap may move: one model's weights are a quarter of it.
const slack = 4 << 20

// compare fails the test when there is more now. Goroutines get time to end.
func (h holdings) compare(t *testing.T, when string) {
	t.Helper()
	now := held()
	for range 100 {
		if now.goroutines <= h.goroutines && now.heap <= h.heap+slack {
			break
		}
		time.Sleep(10 * time.Millisecond)
		now = held()
	}
	if now.heap > h.heap+slack || now.goroutines > h.goroutines || len(now.files) > len(h.files) {
		t.Errorf("%s: heap %d, then %d bytes; %d, then %d goroutines; open files %q, then %q", when, h.heap, now.heap, h.goroutines, now.goroutines, h.files, now.files)
	}
	t.Logf("%s: heap %d kB, before %d kB; %d goroutines, before %d; %d open files, before %d", when, now.heap>>10, h.heap>>10, now.goroutines, h.goroutines, len(now.files), len(h.files))
}
