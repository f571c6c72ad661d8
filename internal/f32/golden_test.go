package f32

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// TestSameOnEveryMachine holds products to the bits they have on other processors.
func TestSameOnEveryMachine(t *testing.T) {
	const m, n, k = 29, 53, 600
	rng := newRand()
	a, b, c := noise(rng, m*k), noise(rng, k*n), noise(rng, m*n)
	withISA(func(s isa) {
		sums := []float64{Dot(a, b[:m*k]), SquaredDistance(a, b[:m*k]), Sum(b)}
		if got := checksum(t, sums); got != 0x2ea09f7d {
			t.Errorf("%v: sums have checksum %#x", s, got)
		}
		if s == portable {
			return
		}
		got := append([]float32(nil), c...)
		Gemm(false, false, m, n, k, 0.75, a, k, b, n, 0.5, got, n)
		if sum := checksum(t, got); sum != 0xcfce23c9 {
			t.Errorf("%v: product has checksum %#x", s, sum)
		}
	})
}

func checksum(t *testing.T, x any) uint32 {
	h := crc32.NewIEEE()
	if err := binary.Write(h, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	return h.Sum32()
}
