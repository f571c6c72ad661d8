package dataset

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
)

// What is wrong is said in one sentence that names the file and the array.
func TestErrors(t *testing.T) {
	x := npy("|u1", []int{2, 3}, bytesUpTo(6))
	lying := bytes.Replace(x, []byte("(2, 3)"), []byte("(9, 9)"), 1)
	huge := bytes.Replace(x, []byte("(2, 3), }      "), []byte("(99999999, 99)}"), 1)
	overflow := bytes.Replace(x, []byte("(2, 3), }                    "), []byte("(9999999999999, 9999999999999)}"), 1)
	for _, test := range []struct {
		name string
		data []byte
		opts Options
		want string
	}{
		{"d.idx", idx(13, []int{1 << 29, 0}, []float32{}), Options{}, `dataset: d.idx: the samples of "x" have shape [0], which is empty`},
		{"d.npz", npz(t, zip.Store, "x", x, "y", npy("<i8", []int{3}, make([]int64, 3))), Options{}, `dataset: d.npz: "x" has 2 samples but "y" has 3`},
		{"d.npz", npz(t, zip.Store, "x", x), Options{Labels: "z"}, `dataset: d.npz has no array "z" (it has "x")`},
		{"d.npz", npz(t, zip.Store, "a", x, "b", x), Options{Inputs: imageInput(-1, 3)}, `dataset: d.npz has no array for the model's input "input" (it has "a" and "b")`},
		{"d.npz", npz(t, zip.Store, "x", x), Options{Inputs: imageInput(-1, 4)}, `dataset: d.npz: array "x" has samples of shape 3, which do not fit the model's input "input" of shape N×4`},
		{"d.npz", npz(t, zip.Store, "x", lying), Options{}, `dataset: d.npz: array "x" claims 81 bytes of data but the file has only 6`},
		{"d.npz", npz(t, zip.Deflate, "x", huge), Options{}, `dataset: d.npz: array "x" claims 9899999901 bytes of data but the file has only `},
		{"d.npz", npz(t, zip.Deflate, "x", overflow), Options{}, `dataset: d.npz: array "x" claims the impossible shape [`},
		{"d.npz", npz(t, zip.Store, "x", []byte("hello")), Options{}, `dataset: d.npz: array "x": it does not begin as .npy data does`},
		{"d.npz", npz(t, zip.Store, "x", npy("|O", []int{1}, []byte{1})), Options{}, `dataset: d.npz: array "x": elements of numpy type "|O" are not supported`},
		{"d.npz", npz(t, zip.Store, "x", x, "y", npy("<U1", []int{2}, make([]byte, 8))), Options{}, `dataset: d.npz: array "y": elements of numpy type "<U1" are text, where numbers are needed`},
		{"d.npz", npz(t, zip.Store), Options{}, "dataset: d.npz has no arrays"},
		{"d.npz", npz(t, zip.Store, "x", npy("|u1", []int{0, 3}, []byte{})), Options{}, "dataset: d.npz has no samples"},
		{"d.npz", npz(t, zip.Store, "x", x)[:150], Options{}, "dataset: d.npz is not a readable .npz archive: "},
		{"d.npy", x[:len(x)-1], Options{}, "dataset: d.npy claims 6 bytes of data but the file has only 5"},
		{"d.npy", x, Options{Labels: "no.npy"}, "dataset: the file of labels no.npy does not exist"},
		{"d.idx", idx(7, []int{1}, []byte{1}), Options{}, "dataset: d.idx: it does not begin as IDX data does but with 00 00 07 01"},
		{"d.idx", idx(8, []int{1 << 31, 1 << 31}, []byte{1}), Options{}, "dataset: d.idx claims the impossible shape [2147483648 2147483648]"},
		{"d.gz", gzipped([]byte("hello world")), Options{}, "dataset: d.gz: it does not begin as IDX data does but with 68 65 6c 6c"},
		{"d.csv", nil, Options{}, "dataset: d.csv: it is empty"},
		{"d.csv", []byte("1,2\n3\n"), Options{}, "dataset: d.csv: record on line 2: wrong number of fields"},
		{"d.csv", []byte("1,2\n3,4\n"), Options{Labels: "9"}, `dataset: d.csv: there is no column "9" among the 2`},
		{"d.bin", []byte("hello"), Options{}, "dataset: d.bin is not a data set that can be read: "},
	} {
		s, err := Open(file(t, test.name, test.data), test.opts)
		if err == nil {
			s.Close()
			t.Errorf("%s: no error, want %q", test.name, test.want)
		} else if !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want %q", test.name, err, test.want)
		}
	}
}

// Data that turns out wrong only when it is read ends the batches with an error.
func TestLateErrors(t *testing.T) {
	damaged := npz(t, zip.Store, "x", npy("|u1", []int{2000, 3}, make([]byte, 6000)))
	damaged[3000] ^= 1
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"d.csv": {[]byte("1,2\n3,4\nx,6\n"), `dataset: d.csv: line 3, column 1: "x" is not a number`},
		"d.gz":  {gzipped(idx(8, []int{500, 3}, make([]byte, 1200))), "dataset: d.gz: the data ends early"},
		"d.npz": {damaged, `dataset: d.npz: array "x": zip: checksum error`},
	} {
		s, err := Open(file(t, name, test.data), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, e := range s.Batches(1) {
			err = e
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		s.Close()
	}
}

func TestMissingLabels(t *testing.T) {
	s, _ := readAll(t, file(t, "test.npz", npz(t, zip.Store, "x", npy("|u1", []int{2, 3}, bytesUpTo(6)))), Options{}, 1)
	want := `dataset: test.npz has no array "y" (it has "x"): labels are needed for loss and accuracy`
	if err := s.RequireLabels(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
