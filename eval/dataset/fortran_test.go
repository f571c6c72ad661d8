package dataset

import (
	"archive/zip"
	"bytes"
	"testing"
)

// fortran is the .npy file of bytes stored with the first index fastest.
func fortran(shape []int, stored []byte) []byte {
	return bytes.Replace(npy("|u1", shape, stored), []byte("False, "), []byte("True,  "), 1)
}

// Element (a, b, c) stands at a + A·(b + B·c).
func TestFortranPlace(t *testing.T) {
	j := 0
	for a := range 3 {
		for b := range 4 {
			for c := range 5 {
				if got, want := fortranPlace([]int{3, 4, 5}, j), a+3*(b+4*c); got != want {
					t.Errorf("element %d %d %d stands at %d, want %d", a, b, c, got, want)
				}
				j++
			}
		}
	}
}

// An array that ends early says so, whether its pages are mapped or its bytes
// unpacked.
func TestFortranEnds(t *testing.T) {
	whole := fortran([]int{40, 50}, make([]byte, 2000))
	if _, err := Open(file(t, "d.npy", whole[:len(whole)-1]), Options{}); err == nil {
		t.Error("a .npy file that is cut short opens")
	}
	archive := npz(t, zip.Store, "x", whole)
	archive[1000] ^= 1
	s, err := Open(file(t, "d.npz", archive), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, e := range s.Batches(7) {
		err = e
	}
	if want := `dataset: d.npz: array "x": zip: checksum error`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
