package eval

import (
	"errors"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Names of the backends.
const (
	Auto        = "auto"
	OnnxGo      = "onnx-go"
	OnnxRuntime = "onnxruntime"
)

// OpenOptions say what runs a model.
type OpenOptions struct {
	Backend string // Auto (also ""), OnnxGo or OnnxRuntime
	Library string // where ONNX Runtime is, see ort.Find
	Threads int    // cores to use; 0: all

	MaxMemory int64 // bytes that the tensors of one run may take; 0: by the weights, see exec.Options; the onnx-go backend only

	Lean bool // for few runs of a large model, see exec.Options; the onnx-go backend only
}

// Open makes a model ready to run. Auto takes the onnx-go backend, and ONNX
// Runtime for models with operators that the former does not have.
func Open(m *onnxgraph.Model, opts OpenOptions) (*Runner, error) {
	switch opts.Backend {
	case OnnxGo:
		return openGo(m, opts)
	case OnnxRuntime:
		return openRuntime(m, opts)
	case Auto, "":
		r, err := openGo(m, opts)
		var unsupported *exec.UnsupportedError
		if !errors.As(err, &unsupported) {
			return r, err
		}
		r, err2 := openRuntime(m, opts)
		if err2 != nil {
			return nil, fmt.Errorf("%w (%w)", err, err2)
		}
		return r, nil
	}
	return nil, fmt.Errorf("eval: there is no backend %q", opts.Backend)
}

// OpenAll opens several models. The function that it returns closes them.
func OpenAll(models []*onnxgraph.Model, opts OpenOptions) ([]*Runner, func(), error) {
	var runners []*Runner
	done := func() {
		for _, r := range runners {
			r.Close()
		}
	}
	for _, m := range models {
		r, err := Open(m, opts)
		if err != nil {
			done()
			return nil, nil, err
		}
		runners = append(runners, r)
	}
	return runners, done, nil
}

func openGo(m *onnxgraph.Model, opts OpenOptions) (*Runner, error) {
	s, err := exec.New(m, exec.Options{Threads: opts.Threads, MaxMemory: opts.MaxMemory, Lean: opts.Lean})
	if err != nil {
		return nil, err
	}
	return &Runner{s, m, OnnxGo}, nil
}

func openRuntime(m *onnxgraph.Model, opts OpenOptions) (*Runner, error) {
	s, err := ort.New(m, ort.Options{Library: opts.Library, Threads: opts.Threads})
	if err != nil {
		return nil, err
	}
	return &Runner{s, m, OnnxRuntime}, nil
}
