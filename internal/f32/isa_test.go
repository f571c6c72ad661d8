package f32

import (
	"math/rand/v2"
	"testing"
)

// eachISA runs f once with every family of kernels this machine has.
func eachISA(t *testing.T, f func(t *testing.T)) {
	best := current
	defer func() { current = best }()
	for s := portable; s <= best; s++ {
		current = s
		t.Run(s.String(), f)
	}
}

// noise returns n numbers of either sign, starting at an odd address modulo 64 bytes.
func noise(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n+3)[3:]
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestISA(t *testing.T) {
	t.Logf("kernels: %s", ISA())
	if current.width() < 1 {
		t.Fatal("no width")
	}
}
