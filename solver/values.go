package solver

import (
	"sync"

	"github.com/onnx-rebasin/onnx-rebasin/internal/memory"
)

// values hands out the numbers of weights in both models. They are read when they
// are asked for, and those used last are kept as long as they take no more than
// limit bytes together; what is in use stays valid all the same.
type values struct {
	read  func(weight int) (pair, error)
	size  func(weight int) int64 // elements
	limit int64

	mu    sync.Mutex
	kept  map[int]*keptPair
	bytes int64 // of those kept
	clock int64
	err   error // the first that occurred
}

// pair is one weight in A and in B.
type pair struct {
	a, b []float32
	done []func() // say that it is not needed for now
}

// keptPair is a pair that values keeps.
type keptPair struct {
	pair
	used int64 // when, by the clock of values
	once sync.Once
}

// of returns a weight: its elements in A and in B. After an error, which failed
// returns, they are zeros.
func (v *values) of(w int) (a, b []float32) {
	p := v.keep(w)
	p.once.Do(func() {
		got, err := v.read(w)
		if err != nil {
			v.fail(err)
			zeros := make([]float32, v.size(w))
			got = pair{a: zeros, b: zeros}
		}
		v.mu.Lock() // drop may be at it
		p.pair = got
		v.mu.Unlock()
	})
	return p.a, p.b
}

// keep returns the place of a weight, and makes room for it if it is new.
func (v *values) keep(w int) *keptPair {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clock++
	p := v.kept[w]
	if p == nil {
		p = new(keptPair)
		size := 8 * v.size(w)
		for v.bytes+size > v.limit && len(v.kept) > 0 {
			v.drop()
		}
		if v.kept == nil {
			v.kept = map[int]*keptPair{}
		}
		v.kept[w] = p
		v.bytes += size
	}
	p.used = v.clock
	return p
}

// drop forgets the weight that was not used for longest.
func (v *values) drop() {
	oldest := -1
	for w, p := range v.kept {
		if oldest < 0 || p.used < v.kept[oldest].used {
			oldest = w
		}
	}
	v.bytes -= 8 * v.size(oldest)
	v.kept[oldest].forget()
	memory.Waste(8 * v.size(oldest))
	delete(v.kept, oldest)
}

func (p *pair) forget() {
	for _, done := range p.done {
		done()
	}
}

func (v *values) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.err = err
	}
}

// failed returns the first error of reading.
func (v *values) failed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}
