package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// openNPZ opens numpy's archive of arrays, deflated or not.
func openNPZ(path string) (*source, error) {
	file := filepath.Base(path)
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s is not a readable .npz archive: %w", file, err)
	}
	s := &source{what: "array", closer: z}
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			continue
		}
		a, err := npzArray(file, name, entry)
		if err != nil {
			z.Close()
			return nil, err
		}
		s.arrays = append(s.arrays, a)
	}
	if len(s.arrays) == 0 {
		z.Close()
		return nil, fmt.Errorf("dataset: %s has no arrays", file)
	}
	return s, nil
}

func npzArray(file, name string, entry *zip.File) (array, error) {
	what := fmt.Sprintf("%s: array %q", file, name)
	stream, err := entry.Open()
	if err != nil {
		return array{}, fmt.Errorf("dataset: %s: %w", what, err)
	}
	defer stream.Close()
	h, err := readNPYHeader(stream)
	if err != nil {
		err = fmt.Errorf("dataset: %s: %w", what, err)
	}
	if errors.As(err, new(typeError)) {
		return array{name: name, err: err}, nil
	}
	if err != nil {
		return array{}, err
	}
	have, compressed := int64(entry.UncompressedSize64)-h.size, false
	if err := checkSize(what, h.dtype, h.shape, have, compressed); err != nil {
		return array{}, err
	}
	if entry.Method != zip.Store {
		have, compressed = int64(entry.CompressedSize64), true
		if err := checkSize(what, h.dtype, h.shape, have, compressed); err != nil {
			return array{}, err
		}
	}
	open := func() (rows, error) {
		stream, err := entry.Open()
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", what, err)
		}
		if _, err := io.CopyN(io.Discard, stream, h.size); err != nil {
			stream.Close()
			return nil, fmt.Errorf("dataset: %s: %w", what, err)
		}
		return h.rows(what, stream)
	}
	return array{name: name, dtype: h.dtype, shape: h.shape, open: open}, nil
}
