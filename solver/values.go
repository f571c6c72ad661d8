package solver

import "sync"

// values hands out the numbers of weights in both models. A weight is read when
// it is first held and forgotten when nobody holds it any more.
type values struct {
	read func(weight int) (a, b []float32, err error)
	keep bool // never forget

	mu   sync.Mutex
	held map[int]*pair
}

// pair is one weight in A and in B.
type pair struct {
	a, b  []float32
	users int
	once  sync.Once
	err   error
}

// hold reads weights that are not held yet. They must be released again, also
// after an error.
func (v *values) hold(weights []int) error {
	var first error
	for _, w := range weights {
		v.mu.Lock()
		if v.held == nil {
			v.held = map[int]*pair{}
		}
		p := v.held[w]
		if p == nil {
			p = new(pair)
			v.held[w] = p
		}
		p.users++
		v.mu.Unlock()
		p.once.Do(func() { p.a, p.b, p.err = v.read(w) })
		if p.err != nil && first == nil {
			first = p.err
		}
	}
	return first
}

func (v *values) release(weights []int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range weights {
		if p := v.held[w]; p != nil {
			if p.users--; p.users == 0 && !v.keep {
				delete(v.held, w)
			}
		}
	}
}

// of returns a weight that is held.
func (v *values) of(w int) (a, b []float32) {
	v.mu.Lock()
	p := v.held[w]
	v.mu.Unlock()
	return p.a, p.b
}
