package dataset

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// array is one stored array. Its first axis counts samples, except for arrays
// of rank 0.
type array struct {
	name  string
	dtype onnxgraph.DataType
	shape []int
	open  func() (rows, error)
	err   error // why it cannot be used: told when it is asked for
}

// rows reads an array from its first row on.
type rows interface {
	next(n int) (*onnxgraph.Tensor, error) // the next n rows
	Close() error
}

// source is a file's arrays.
type source struct {
	arrays  []array
	labels  string   // the name of the array of labels, when the file itself says so
	what    string   // what an array is called in messages: "array", "column", "file"
	hints   []string // about reading
	classes []string
	closer  io.Closer
}

func (s *source) close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// array finds an array by name.
func (s *source) array(name string) (array, bool) {
	for _, a := range s.arrays {
		if a.name == name {
			return a, true
		}
	}
	return array{}, false
}

// names lists the arrays for messages: `"x" and "z"`.
func (s *source) names() string {
	var names []string
	for _, a := range s.arrays {
		names = append(names, fmt.Sprintf("%q", a.name))
	}
	return joinAnd(names)
}

func joinAnd(words []string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// openSource tells the format and opens the file.
func openSource(path string, opts Options) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if info.IsDir() {
		return openImages(path, opts)
	}
	magic, err := firstBytes(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")), bytes.HasPrefix(magic, []byte("PK\x05\x06")):
		return openNPZ(path)
	case bytes.HasPrefix(magic, []byte(npyMagic)):
		return openNPY(path, opts)
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}), bytes.HasPrefix(magic, []byte{0, 0}):
		return openIDX(path, opts)
	case ext == ".csv", ext == ".tsv", ext == ".txt":
		return openCSV(path, opts)
	}
	return nil, fmt.Errorf("dataset: %s is not a data set that can be read: npz, npy, IDX, CSV, a folder of images or of test_data_set_*", filepath.Base(path))
}

func firstBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 8)
	n, err := io.ReadFull(f, b)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// count multiplies sizes; false when one is negative or the product is beyond
// any memory.
func count(sizes []int) (int, bool) {
	n := 1
	for _, d := range sizes {
		if d < 0 || d != 0 && n > (1<<46)/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
