package f32

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fence is memory between two pages that may not be touched.
type fence struct {
	between []byte
	rng     *rand.Rand
	atEnd   bool // what is taken ends at the last byte, or else begins at the first
}

// newFence maps room for n numbers.
func newFence(t *testing.T, n int) *fence {
	t.Helper()
	page := os.Getpagesize()
	size := (n*4 + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(all) })
	for _, edge := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return &fence{between: all[page : page+size], rng: newRand()}
}

// floats takes n random numbers beside one of the pages.
func (f *fence) floats(n int) []float32 {
	if n == 0 {
		return nil
	}
	at := 0
	if f.atEnd {
		at = len(f.between) - 4*n
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&f.between[at])), n)
	for i := range x {
		x[i] = float32(f.rng.NormFloat64())
	}
	return x
}

// Kernels read and write nothing beside their slices, with every family, size and
// order of the operands.
func TestNothingBeside(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	const most = 1 << 16
	fences := []*fence{newFence(t, most), newFence(t, most), newFence(t, most)}
	take := func(k, n int) []float32 { return fences[k].floats(n) }
	try := func(what string, f func()) {
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%v: %s: %v", current, what, r)
			}
		}()
		f()
	}
	fences[0].atEnd = true
	last := &take(0, 4)[3]
	if !faults(func() { *(*float32)(unsafe.Add(unsafe.Pointer(last), 4)) = 1 }) {
		t.Fatal("the page beside can be written to")
	}
	for _, atEnd := range []bool{false, true} {
		for _, f := range fences {
			f.atEnd = atEnd
		}
		withISA(func(isa) {
			for _, n := range lengths() {
				try(fmt.Sprintf("vectors of %d", n), func() { everyVector(take(0, n), take(1, n), take(2, n), take) })
			}
			for _, m := range edges {
				for _, n := range edges {
					k := 1 + (m*7+n*3)%41
					try(fmt.Sprintf("products of %d by %d by %d", m, k, n), func() { everyProduct(m, n, k, take) })
				}
			}
		})
	}
}

// faults reports whether f touches memory that it may not.
func faults(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// everyVector calls all that works element by element, or sums.
func everyVector(dst, a, b []float32, take func(k, n int) []float32) {
	for _, f := range []func(dst, a, b []float32){Add, Sub, Mul, Div, Greater} {
		f(dst, a, b)
	}
	for _, f := range []func(dst, x []float32){Erf, Exp, Gelu, GeluTanh, Relu, Sigmoid, Tanh} {
		f(dst, a)
	}
	if len(a) > 0 {
		Softmax(dst, a)
		Max(a)
	}
	Affine(dst, a, 2, 1)
	LeakyRelu(dst, a, 0.1)
	Swish(dst, a, 1)
	Axpy(dst, 0.5, a)
	Scale(dst, 0.5)
	Dot(a, b)
	Sum(a)
	SquaredDistance(a, b)
	GreaterOfPairs(dst[:len(dst)/2], take(1, len(dst)/2*2))
}

// everyProduct calls the matrix products in all orders of their operands.
func everyProduct(m, n, k int, take func(k, n int) []float32) {
	for _, trans := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		lda, ldb := k, n
		if trans[0] {
			lda = m
		}
		if trans[1] {
			ldb = k
		}
		Gemm(trans[0], trans[1], m, n, k, 1, take(0, m*k), lda, take(1, k*n), ldb, 1, take(2, m*n), n)
		a, b := Dense(take(0, m*k), m, k, k), Dense(take(1, k*n), k, n, n)
		if trans[0] {
			a = Dense(take(0, m*k), k, m, m).T()
		}
		if trans[1] {
			b = Dense(take(1, k*n), n, k, k).T()
		}
		ProductAcc64(1, a, b, make([]float64, m*n), n)
		GemmPacked(1, m, take(0, m*k), k, Pack(b), 0, take(2, m*n), n, Epilogue{ColBias: take(1, n)})
	}
}
