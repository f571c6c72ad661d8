package eval

import (
	"fmt"

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
}

// Open makes a model ready to run.
func Open(m *onnxgraph.Model, opts OpenOptions) (*Runner, error) {
	switch opts.Backend {
	case OnnxRuntime, Auto, "":
		s, err := ort.New(m, ort.Options{Library: opts.Library, Threads: opts.Threads})
		if err != nil {
			return nil, err
		}
		return &Runner{s, m, OnnxRuntime}, nil
	}
	return nil, fmt.Errorf("eval: there is no backend %q", opts.Backend)
}
