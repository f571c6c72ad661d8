package dataset

import (
	"archive/zip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Every format gives the same batches for the same numbers.
func TestFormats(t *testing.T) {
	x, y := bytesUpTo(5*2*2), []int64{4, 3, 2, 1, 0}
	y8 := []uint8{4, 3, 2, 1, 0}
	npyX, npyY := npy("|u1", []int{5, 1, 2, 2}, x), npy("<i8", []int{5}, y)
	turned := make([]byte, len(x)) // the first index fastest
	for i, v := range x {
		turned[i/4+5*(i/2%2+2*(i%2))] = v
	}
	npyTurned := fortran([]int{5, 1, 2, 2}, turned)
	beside := func(name string, data []byte, other string, labels []byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			path := file(t, name, data)
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), other), labels, 0o666); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	idxX, idxY := idx(8, []int{5, 2, 2}, x), idx(8, []int{5}, y8)
	for name, make := range map[string]func(t *testing.T) string{
		"npz stored":   func(t *testing.T) string { return file(t, "d.npz", npz(t, zip.Store, "x", npyX, "y", npyY)) },
		"npz deflated": func(t *testing.T) string { return file(t, "d.npz", npz(t, zip.Deflate, "x", npyX, "y", npyY)) },
		"npz labels":   func(t *testing.T) string { return file(t, "d.npz", npz(t, zip.Deflate, "labels", npyY, "only", npyX)) },
		"npz big-endian": func(t *testing.T) string {
			return file(t, "d.npz", npz(t, zip.Store, "input", npyX, "y", npy(">i8", []int{5}, y)))
		},
		"npz fortran": func(t *testing.T) string {
			return file(t, "d.npz", npz(t, zip.Deflate, "x", npyTurned, "y", npyY))
		},
		"npz with names": func(t *testing.T) string {
			return file(t, "d.npz", npz(t, zip.Deflate, "names", npy("<U1", []int{5}, make([]byte, 20)), "only", npyX, "y", npyY))
		},
		"npy fortran": beside("x_test.npy", npyTurned, "y_test.npy", npyY),

		"npy":       beside("x_test.npy", npyX, "y_test.npy", npyY),
		"idx":       beside("t10k-images-idx3-ubyte", idxX, "t10k-labels-idx1-ubyte", idxY),
		"idx.gz":    beside("images.idx3-ubyte.gz", gzipped(idxX), "labels.idx1-ubyte.gz", gzipped(idxY)),
		"idx mixed": beside("images.idx3-ubyte.gz", gzipped(idxX), "labels.idx1-ubyte", idxY),
		"csv header": func(t *testing.T) string {
			return file(t, "d.csv", []byte("a,b,c,d,class\n0,1,2,3,4\n4,5,6,7,3\n8,9,10,11,2\n12,13,14,15,1\n16,17,18,19,0\n"))
		},
		"csv": func(t *testing.T) string {
			return file(t, "d.csv", []byte("0,1,2,3,4\n4,5,6,7,3\n8,9,10,11,2\n12,13,14,15,1\n16,17,18,19,0\n"))
		},
		"npz of both sets": func(t *testing.T) string {
			return file(t, "d.npz", npz(t, zip.Deflate, "x_train", npy("|u1", []int{1, 4}, x[:4]), "y_train", npy("|u1", []int{1}, x[:1]), "x_test", npyX, "y_test", npyY))
		},
		"npy with idx labels": beside("x_test.npy", npyX, "y_test.npy", idxY),
		"csv labels first": func(t *testing.T) string {
			return file(t, "d.csv", []byte("Label, a, b, y, d\n4 , 0 , 1,2,3\n3,4,5,6,7\n2,8,9,10,11\n1,12,13,14,15\n0,16,17,18,19\n"))
		},
		"csv semicolons": func(t *testing.T) string {
			return file(t, "d.csv", []byte("a;b;c;d;class\n0;1;2;3;4\n4;5;6;7;3\n8;9;10;11;2\n12;13;14;15;1\n16;17;18;19;0\n"))
		},
		"tsv": func(t *testing.T) string {
			return file(t, "d.tsv", []byte("0\t1\t2\t3\t4\n4\t5\t6\t7\t3\n8\t9\t10\t11\t2\n12\t13\t14\t15\t1\n16\t17\t18\t19\t0\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, batches := readAll(t, make(t), Options{Inputs: imageInput(-1, 1, 2, 2), Scale: 0.5}, 2)
			if len(batches) != 3 {
				t.Fatalf("%d batches", len(batches))
			}
			at := 0
			for _, b := range batches {
				in := b.Inputs["input"]
				if want := []int{b.N, 1, 2, 2}; !slices.Equal(in.Shape, want) {
					t.Fatalf("shape %v, want %v", in.Shape, want)
				}
				for i, v := range in.Data.([]float32) {
					if v != float32(4*at+i)/2 {
						t.Fatalf("sample %d has %v", at, in.Data)
					}
				}
				for i := range b.N {
					if got := reflect.ValueOf(b.Labels.Data).Index(i); got.CanInt() && got.Int() != int64(4-at-i) || got.CanUint() && got.Uint() != uint64(4-at-i) {
						t.Fatalf("sample %d has label %v", at+i, got)
					}
				}
				at += b.N
			}
		})
	}
}

// A pixel becomes the float32 nearest to v/255, as float32(x)/255 is.
func TestScale(t *testing.T) {
	path := file(t, "d.npz", npz(t, zip.Store, "x", npy("|u1", []int{256, 1}, bytesUpTo(256))))
	s, batches := readAll(t, path, Options{Inputs: imageInput(-1, 1)}, 256)
	for v, got := range batches[0].Inputs["input"].Data.([]float32) {
		if got != float32(v)/255 {
			t.Errorf("%d became %v", v, got)
		}
	}
	if want := []string{`d.npz: array "x" is scaled by 1/255`}; !slices.Equal(s.Hints, want) {
		t.Errorf("hints %q, want %q", s.Hints, want)
	}
}

// What is stored is brought to the model's input when the counts agree.
func TestShapes(t *testing.T) {
	for _, test := range []struct {
		stored []int
		want   []int64
		shape  []int
		first  []float32 // of the sample, which is 0, 1, 2, …
		hint   string
	}{
		{[]int{2, 3, 2, 2}, []int64{-1, 3, 2, 2}, []int{2, 3, 2, 2}, []float32{0, 1, 2, 3}, ""},
		{[]int{2, 3, 2, 2}, []int64{-1, -1, -1, -1}, []int{2, 3, 2, 2}, []float32{0, 1, 2, 3}, ""},
		{[]int{2, 3, 2, 2}, nil, []int{2, 3, 2, 2}, []float32{0, 1, 2, 3}, ""},
		{[]int{2, 3, 2, 2}, []int64{-1, 12}, []int{2, 12}, []float32{0, 1, 2, 3}, "reshaped from 3×2×2 to 12"},
		{[]int{2, 12}, []int64{-1, 3, 2, 2}, []int{2, 3, 2, 2}, []float32{0, 1, 2, 3}, "reshaped from 12 to 3×2×2"},
		{[]int{2, 12}, []int64{-1, 3, 2, -1}, []int{2, 3, 2, 2}, []float32{0, 1, 2, 3}, "reshaped from 12 to 3×2×2"},
		{[]int{2, 2, 6}, []int64{-1, 1, 2, 6}, []int{2, 1, 2, 6}, []float32{0, 1, 2, 3}, "reshaped from 2×6 to 1×2×6"},
		{[]int{2, 2, 2, 3}, []int64{-1, 3, 2, 2}, []int{2, 3, 2, 2}, []float32{0, 3, 6, 9}, "transposed from height, width, channels to channels, height, width"},
		{[]int{2, 2, 4, 3}, []int64{-1, 3, -1, -1}, []int{2, 3, 2, 4}, []float32{0, 3, 6, 9}, "transposed from height, width, channels to channels, height, width"},
		{[]int{2, 3, 2, 2}, []int64{-1, 2, 2, 3}, []int{2, 2, 2, 3}, []float32{0, 4, 8, 1}, "transposed from channels, height, width to height, width, channels"},
		{[]int{2, 1, 2, 3}, []int64{-1, 2, 3}, []int{2, 2, 3}, []float32{0, 1, 2}, "reshaped from 1×2×3 to 2×3"},
		{[]int{2, 2, 3}, []int64{-1, 3}, []int{2, 3}, []float32{0, 1, 2}, "given one at a time: the model has no axis of samples"},
		{[]int{2, 3}, []int64{3}, []int{3}, []float32{0, 1, 2}, "given one at a time: the model has no axis of samples"},
	} {
		n := 1
		for _, d := range test.stored[1:] {
			n *= d
		}
		data := make([]float32, 2*n)
		for i := range data {
			data[i] = float32(i % n)
		}
		path := file(t, "d.npz", npz(t, zip.Store, "x", npy("<f4", test.stored, data)))
		s, batches := readAll(t, path, Options{Inputs: imageInput(test.want...)}, 2)
		in := batches[0].Inputs["input"]
		if !slices.Equal(in.Shape, test.shape) {
			t.Errorf("%v for %v: shape %v, want %v", test.stored, test.want, in.Shape, test.shape)
		}
		if got := in.Data.([]float32)[:len(test.first)]; !slices.Equal(got, test.first) {
			t.Errorf("%v for %v: sample begins %v, want %v", test.stored, test.want, got, test.first)
		}
		if hint := strings.TrimPrefix(strings.Join(s.Hints, ""), `d.npz: array "x" is `); hint != test.hint {
			t.Errorf("%v for %v: hint %q, want %q", test.stored, test.want, hint, test.hint)
		}
	}
}

// A model of fixed batch size gets full batches, the last one filled up.
func TestFixedBatch(t *testing.T) {
	path := file(t, "d.npz", npz(t, zip.Store, "x", npy("|u1", []int{5, 2}, bytesUpTo(10))))
	_, batches := readAll(t, path, Options{Inputs: imageInput(2, 2), Scale: 1}, 64)
	last := batches[len(batches)-1]
	if len(batches) != 3 || last.N != 1 || !slices.Equal(last.Inputs["input"].Data.([]float32), []float32{8, 9, 8, 9}) {
		t.Errorf("%d batches, the last of %d: %v", len(batches), last.N, last.Inputs["input"])
	}
}

// Several inputs are found by name; single values and whole states go with
// every batch.
func TestSeveralInputs(t *testing.T) {
	path := file(t, "d.npz", npz(t, zip.Deflate,
		"tokens", npy("<i4", []int{4, 3}, make([]int32, 12)),
		"state", npy("<f8", []int{2, 1, 3}, []float64{1, 2, 3, 4, 5, 6}),
		"rate", npy("<i8", nil, []int64{16000}),
		"unused", npy("<f4", []int{9}, make([]float32, 9))))
	inputs := []Input{{"tokens", onnxgraph.Int64, []int64{-1, -1}}, {"state", onnxgraph.Float32, []int64{2, 1, 3}}, {"rate", onnxgraph.Int64, []int64{}}}
	_, batches := readAll(t, path, Options{Inputs: inputs}, 3)
	for _, b := range batches {
		if got := b.Inputs["tokens"]; got.Type != onnxgraph.Int64 || !slices.Equal(got.Shape, []int{b.N, 3}) {
			t.Errorf("tokens %v", got)
		}
		if got := b.Inputs["state"]; !slices.Equal(got.Shape, []int{2, 1, 3}) || !slices.Equal(got.Data.([]float32), []float32{1, 2, 3, 4, 5, 6}) {
			t.Errorf("state %v", got)
		}
		if got := b.Inputs["rate"]; len(got.Shape) != 0 || got.Data.([]int64)[0] != 16000 {
			t.Errorf("rate %v", got)
		}
	}
}

func TestNormalise(t *testing.T) {
	path := file(t, "d.npz", npz(t, zip.Store, "x", npy("|u1", []int{1, 2, 1, 2}, []uint8{0, 255, 51, 102})))
	_, batches := readAll(t, path, Options{Inputs: imageInput(-1, 2, 1, 2), Mean: []float64{0.5, 0.2}, Std: []float64{0.5, 0.1}}, 1)
	for i, want := range []float32{-1, 1, 0, 2} {
		if got := batches[0].Inputs["input"].Data.([]float32)[i]; got-want > 1e-6 || want-got > 1e-6 {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	path := file(t, "d.npz", npz(t, zip.Deflate, "x", npy("|u1", []int{100, 2}, bytesUpTo(200))))
	s, batches := readAll(t, path, Options{Limit: 7}, 4)
	if s.Len() != 7 || len(batches) != 2 || s.HasLabels() {
		t.Errorf("%d samples in %d batches", s.Len(), len(batches))
	}
}

// The labels of a CSV file may be words, in any column.
func TestTextLabels(t *testing.T) {
	path := file(t, "d.csv", []byte("kind,a,b\nox,1,2\nant,3,4.5\nox,5,6\n"))
	s, batches := readAll(t, path, Options{Labels: "kind"}, 3)
	if !slices.Equal(s.Classes, []string{"ant", "ox"}) || !slices.Equal(batches[0].Labels.Data.([]int64), []int64{1, 0, 1}) {
		t.Errorf("classes %v, labels %v", s.Classes, batches[0].Labels.Data)
	}
	if got := batches[0].Inputs["x"].Data.([]float64); !slices.Equal(got, []float64{1, 2, 3, 4.5, 5, 6}) {
		t.Errorf("x is %v", got)
	}
}
