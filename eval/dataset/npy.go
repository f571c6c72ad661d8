package dataset

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

const (
	npyMagic     = "\x93NUMPY"
	maxNPYHeader = 1 << 20
)

// npyHeader is the head of a .npy file, see numpy.lib.format.
type npyHeader struct {
	dtype onnxgraph.DataType
	order binary.ByteOrder
	shape []int
	size  int64 // bytes before the data

	fortran bool // the first index runs fastest
}

var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([^)]*)\)`)
)

// readNPYHeader reads up to the first element. Versions 1 to 3 of the format
// differ in the width of the header's length.
func readNPYHeader(r io.Reader) (*npyHeader, error) {
	head := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(npyMagic)]) != npyMagic {
		return nil, errors.New("it does not begin as .npy data does")
	}
	width, version := 4, head[len(npyMagic)]
	if version == 1 {
		width = 2
	}
	if version < 1 || version > 3 {
		return nil, fmt.Errorf("version %d of the .npy format is not known", version)
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, errors.New("the .npy header is cut off")
	}
	n := binary.LittleEndian.Uint32(length)
	if n > maxNPYHeader {
		return nil, fmt.Errorf("the .npy header claims %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errors.New("the .npy header is cut off")
	}
	h, err := parseNPYHeader(string(text))
	if err == nil {
		h.size = int64(len(head) + width + len(text))
	}
	return h, err
}

func parseNPYHeader(text string) (*npyHeader, error) {
	descr, fortran, shape := npyDescr.FindStringSubmatch(text), npyFortran.FindStringSubmatch(text), npyShape.FindStringSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return nil, errors.New("the .npy header does not describe an array of numbers")
	}
	h := &npyHeader{order: binary.LittleEndian}
	if strings.HasPrefix(descr[1], ">") {
		h.order = binary.BigEndian
	}
	h.dtype = npyTypes[strings.TrimLeft(descr[1], "<>=|")]
	if h.dtype == onnxgraph.Undefined {
		return nil, typeError(descr[1])
	}
	for field := range strings.SplitSeq(shape[1], ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		d, err := strconv.Atoi(field)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("the .npy header has the shape (%s)", shape[1])
		}
		h.shape = append(h.shape, d)
	}
	h.fortran = fortran[1] == "True" && len(h.shape) > 1
	return h, nil
}

// typeError is a numpy type that is none of numbers.
type typeError string

func (e typeError) Error() string {
	if strings.ContainsAny(string(e), "US") {
		return fmt.Sprintf("elements of numpy type %q are text, where numbers are needed", string(e))
	}
	return fmt.Sprintf("elements of numpy type %q are not supported", string(e))
}

// rows reads the array that the header describes from its first element on.
func (h *npyHeader) rows(what string, stream io.ReadCloser) (rows, error) {
	if h.fortran {
		return readFortran(what, h, stream)
	}
	return newBinaryRows(what, h.dtype, h.shape, h.order, stream), nil
}

var npyTypes = map[string]onnxgraph.DataType{
	"b1": onnxgraph.Bool, "i1": onnxgraph.Int8, "i2": onnxgraph.Int16, "i4": onnxgraph.Int32, "i8": onnxgraph.Int64,
	"u1": onnxgraph.Uint8, "u2": onnxgraph.Uint16, "u4": onnxgraph.Uint32, "u8": onnxgraph.Uint64,
	"f2": onnxgraph.Float16, "f4": onnxgraph.Float32, "f8": onnxgraph.Float64,
}

// openNPY opens a file of one array, x, and the file of its labels.
func openNPY(path string, opts Options) (*source, error) {
	x, err := npyFile(path, "x")
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

// npyFile describes a .npy file and checks its size.
func npyFile(path, name string) (array, error) {
	what := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		return array{}, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return array{}, fmt.Errorf("dataset: %w", err)
	}
	h, err := readNPYHeader(bufio.NewReader(f))
	if err != nil {
		return array{}, fmt.Errorf("dataset: %s: %w", what, err)
	}
	if err := checkSize(what, h.dtype, h.shape, info.Size()-h.size, false); err != nil {
		return array{}, err
	}
	open := func() (rows, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		n, _ := count(h.shape)
		if end := h.size + int64(n)*int64(h.dtype.Size()); n > 0 {
			if data, release := mapFile(f, end); data != nil {
				f.Close()
				if h.fortran {
					return &fortranRows{what, h.dtype, h.shape, 0, data[h.size:], h.order, release}, nil
				}
				return &mappedRows{what, h.dtype, rowShape(h.shape), data[h.size:], h.order, release}, nil
			}
		}
		if _, err := f.Seek(h.size, io.SeekStart); err != nil {
			f.Close()
			return nil, fmt.Errorf("dataset: %s: %w", what, err)
		}
		return h.rows(what, f)
	}
	return array{name: name, dtype: h.dtype, shape: h.shape, open: open}, nil
}
