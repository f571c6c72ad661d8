package dataset

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"
)

// tryFile reads a data set of the given name and bytes, as it is stored and for
// a model's input.
func tryFile(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []Options{{}, {Inputs: imageInput(-1, 3)}, {Inputs: imageInput(-1, 1, 2, 3), Labels: "none"}} {
		s, err := Open(path, opts)
		if err != nil {
			continue
		}
		for _, err := range s.Batches(2) {
			if err != nil {
				break
			}
		}
		s.Close()
	}
}

// fuzz mutates the seeds: no bytes make the reader panic or take memory that
// the file does not account for.
func fuzz(f *testing.F, name string, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, data []byte) { tryFile(t, path, data) })
}

func FuzzNPY(f *testing.F) {
	fuzz(f, "d.npy", npy("|u1", []int{2, 3}, bytesUpTo(6)), npy(">f8", []int{2, 1, 3}, make([]float64, 6)),
		npy("<f2", []int{6}, make([]uint16, 6)), npy("|b1", []int{2, 3}, bytesUpTo(6)))
}

func FuzzNPZ(f *testing.F) {
	x, y := npy("|u1", []int{2, 3}, bytesUpTo(6)), npy("<i8", []int{2}, []int64{1, 2})
	fuzz(f, "d.npz", npz(f, zip.Deflate, "x", x, "y", y), npz(f, zip.Store, "input", x, "labels", y), npz(f, zip.Store))
}

func FuzzIDX(f *testing.F) {
	fuzz(f, "d.idx", idx(8, []int{2, 3}, bytesUpTo(6)), idx(13, []int{2, 3}, make([]float32, 6)),
		gzipped(idx(13, []int{2, 3}, make([]float32, 6))), gzipped(idx(8, []int{6}, bytesUpTo(6))))
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "d.csv", []byte("a,b\n1,2\n3,4\n"), []byte("1,2,0\n3,4,1\n"), []byte("\"x\";y\n1,5;cat\n2,5;dog\n"), []byte("1e9 2 nan\n"))
}
