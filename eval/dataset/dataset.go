// Package dataset reads labelled samples from files, batch by batch, brought to
// the names, types and shapes of a model's inputs:
//
//	.npz              arrays named as the inputs, or x; labels in y or labels
//	.npy              one array, mapped into memory; labels in a second file
//	IDX, IDX.gz       MNIST's format; labels in the file of the usual name
//	test_data_set_*   ONNX's own test data: input_N.pb, output_N.pb
//	class folders     PNG and JPEG images, one folder a class
//	.csv, .tsv        one sample a row, the label in the last column
//
// A file is read as it is used and never held as a whole, so a data set may be
// larger than memory.
//
// What a file claims is checked against its size before memory is taken:
// damaged and hostile files give an error.
package dataset

import (
	"fmt"
	"iter"
	"path/filepath"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Input is what a model's input wants to be given.
type Input struct {
	Name  string
	Type  onnxgraph.DataType
	Shape []int64 // -1 for a free axis; nil when not even the rank is known
}

// Options say how a data set is read. The zero value reads it as it is stored.
type Options struct {
	Inputs    []Input   // the model's inputs; nil: give the arrays as stored
	Labels    string    // array, file or column of the labels; "": the usual ones, "none": none
	Scale     float64   // factor for data going into floating-point inputs; 0: 1/255 for uint8 and 1 otherwise
	Mean, Std []float64 // per channel (or one for all), applied after Scale
	ImageSize [2]int    // height and width of images read from folders; 0: the model's, or the first image's
	Limit     int       // stop after so many samples; 0: all
}

// A Set is an open data set.
type Set struct {
	Name    string   // the file's or folder's name
	Hints   []string // how the data was adapted to the model, one sentence each
	Classes []string // names of the classes, where the file gives them

	length  int
	batch   int // the batch size that the model's shape demands; 0: free
	largest int // the largest batch that is reasonable in memory
	labels  string
	noLabel error
	close   func() error
	open    func() (reader, error)
}

// Batch is some samples of a Set.
type Batch struct {
	N       int                          // number of samples; the tensors may be padded beyond it
	Inputs  map[string]*onnxgraph.Tensor // by input name, samples along the first axis
	Labels  *onnxgraph.Tensor            // as stored, nil when there are none
	Outputs []*onnxgraph.Tensor          // what the model should give, where the data set says so
}

// reader gives a set's batches from the first sample on.
type reader interface {
	next(n int) (*Batch, error) // n samples, which are there
	Close() error
}

// Len returns the number of samples.
func (s *Set) Len() int { return s.length }

// HasLabels reports whether batches have labels.
func (s *Set) HasLabels() bool { return s.labels != "" }

// RequireLabels returns an error that says which labels are missing, nil when
// there are labels.
func (s *Set) RequireLabels() error {
	if s.HasLabels() {
		return nil
	}
	return fmt.Errorf("%w: labels are needed for loss and accuracy", s.noLabel)
}

// Batches gives the samples in order, size at a time; the last batch may be
// smaller. When the model fixes the batch size, that size is used and the last
// batch is filled up by repeating its last sample. The first error ends it.
func (s *Set) Batches(size int) iter.Seq2[*Batch, error] {
	size = max(1, min(size, s.largest))
	if s.batch > 0 {
		size = s.batch
	}
	return func(yield func(*Batch, error) bool) {
		r, err := s.open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		for at := 0; at < s.length; at += size {
			b, err := r.next(min(size, s.length-at))
			if err == nil && s.batch > 0 {
				b.pad(s.batch)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Close releases the files.
func (s *Set) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Open opens the data set at path; the format is told by its first bytes, or
// its content when it is a folder. Errors say in one sentence which file and
// array are meant, and how the data misses the model.
func Open(path string, opts Options) (*Set, error) {
	folders, ok, err := testDataFolders(path)
	if err != nil {
		return nil, err
	}
	if ok {
		return openTestData(path, folders, opts), nil
	}
	src, err := openSource(path, opts)
	if err != nil {
		return nil, err
	}
	s, err := newSet(filepath.Base(path), src, opts)
	if err != nil {
		src.close()
		return nil, err
	}
	return s, nil
}
