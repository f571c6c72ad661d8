package dataset

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// openIDX opens a file in MNIST's format as x, and the file of its labels.
//
// The format: two zero bytes, the element type, the number of axes, the sizes
// and the elements, all big-endian (LeCun, "The MNIST database").
func openIDX(path string, opts Options) (*source, error) {
	x, err := idxFile(path, "x")
	if err != nil {
		return nil, err
	}
	s := &source{arrays: []array{x}, what: "file"}
	file, err := labelFile(path, opts.Labels)
	if err != nil || file == "" {
		return s, err
	}
	y, err := labelArray(file)
	if err != nil {
		return nil, err
	}
	s.arrays, s.labels = append(s.arrays, y), y.name
	return s, nil
}

func idxFile(path, name string) (array, error) {
	what := filepath.Base(path)
	info, err := os.Stat(path)
	if err != nil {
		return array{}, fmt.Errorf("dataset: %w", err)
	}
	stream, compressed, err := openGzip(path)
	if err != nil {
		return array{}, fmt.Errorf("dataset: %s: %w", what, err)
	}
	defer stream.Close()
	dtype, shape, err := readIDXHeader(stream)
	if err != nil {
		return array{}, fmt.Errorf("dataset: %s: %w", what, err)
	}
	if err := checkSize(what, dtype, shape, info.Size(), compressed); err != nil {
		return array{}, err
	}
	open := func() (rows, error) {
		stream, _, err := openGzip(path)
		if err == nil {
			_, _, err = readIDXHeader(stream)
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", what, err)
		}
		return newBinaryRows(what, dtype, shape, binary.BigEndian, stream), nil
	}
	return array{name: name, dtype: dtype, shape: shape, open: open}, nil
}

func readIDXHeader(r io.Reader) (onnxgraph.DataType, []int, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, errors.New("the IDX header is cut off")
	}
	dtype := map[byte]onnxgraph.DataType{8: onnxgraph.Uint8, 9: onnxgraph.Int8, 11: onnxgraph.Int16,
		12: onnxgraph.Int32, 13: onnxgraph.Float32, 14: onnxgraph.Float64}[head[2]]
	if head[0] != 0 || head[1] != 0 || dtype == onnxgraph.Undefined || head[3] == 0 {
		return 0, nil, fmt.Errorf("it does not begin as IDX data does but with % x", head)
	}
	sizes := make([]byte, 4*int(head[3]))
	if _, err := io.ReadFull(r, sizes); err != nil {
		return 0, nil, errors.New("the IDX header is cut off")
	}
	shape := make([]int, head[3])
	for i := range shape {
		shape[i] = int(binary.BigEndian.Uint32(sizes[4*i:]))
	}
	return dtype, shape, nil
}

// openGzip opens a file and, when it is compressed, what is inside.
func openGzip(path string) (stream io.ReadCloser, compressed bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	buffered := bufio.NewReaderSize(f, 1<<16)
	magic, _ := buffered.Peek(2)
	if string(magic) != "\x1f\x8b" {
		return readCloser{buffered, f}, false, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		f.Close()
		return nil, true, err
	}
	return readCloser{z, f}, true, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}
