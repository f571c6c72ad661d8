package f32

import "math/rand/v2"

// withISA calls f with every family of kernels this machine has, the plainest first.
func withISA(f func(s isa)) {
	best := current
	defer func() { current = best }()
	for _, s := range families {
		current = s
		f(s)
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
