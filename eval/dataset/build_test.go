package dataset

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// npy writes an array as numpy.save does.
func npy(descr string, shape []int, data any) []byte {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	header += strings.Repeat(" ", 63-(len(npyMagic)+4+len(header))%64) + "\n"
	var b bytes.Buffer
	b.WriteString(npyMagic + "\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	if strings.HasPrefix(descr, ">") {
		binary.Write(&b, binary.BigEndian, data)
	} else {
		binary.Write(&b, binary.LittleEndian, data)
	}
	return b.Bytes()
}

// npz writes an archive of alternating names and .npy files.
func npz(t testing.TB, method uint16, namesAndFiles ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(namesAndFiles); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: namesAndFiles[i].(string) + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(namesAndFiles[i+1].([]byte))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// idx writes an array in MNIST's format.
func idx(kind byte, shape []int, data any) []byte {
	b := bytes.NewBuffer([]byte{0, 0, kind, byte(len(shape))})
	for _, d := range shape {
		binary.Write(b, binary.BigEndian, uint32(d))
	}
	binary.Write(b, binary.BigEndian, data)
	return b.Bytes()
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// file writes a file into the test's folder and returns its path.
func file(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// bytesUpTo is 0, 1, 2, … as pixels.
func bytesUpTo(n int) []uint8 {
	b := make([]uint8, n)
	for i := range b {
		b[i] = uint8(i)
	}
	return b
}

// image is the usual input of a network for pictures.
func imageInput(shape ...int64) []Input {
	return []Input{{Name: "input", Type: onnxgraph.Float32, Shape: shape}}
}

// readAll opens a data set and joins its batches.
func readAll(t testing.TB, path string, opts Options, size int) (*Set, []*Batch) {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var batches []*Batch
	n := 0
	for b, err := range s.Batches(size) {
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
		n += b.N
	}
	if n != s.Len() {
		t.Fatalf("batches have %d samples, Len is %d", n, s.Len())
	}
	return s, batches
}
