package ort

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// run calls OrtApi::Run. Everything made on the way is released before it
// returns.
func (s *Session) run(ctx context.Context, g *graph, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	in, err := s.inputValues(g, inputs, &pin)
	defer s.releaseValues(in) // before the memory is unpinned
	if err != nil {
		return nil, err
	}
	if outputs == nil {
		outputs = g.tensors
	}
	inNames, err := cStrings(g.inputs, &pin)
	if err != nil {
		return nil, err
	}
	outNames, err := cStrings(outputs, &pin)
	if err != nil {
		return nil, err
	}
	out := make([]uintptr, len(outputs)+1)
	defer func() { s.releaseValues(out) }()
	stop, options, err := s.stopper(ctx)
	if err != nil {
		return nil, err
	}
	err = s.lib.call(fnRun, g.handle, options,
		uintptr(unsafe.Pointer(&inNames[0])), uintptr(unsafe.Pointer(&in[0])), uintptr(len(g.inputs)),
		uintptr(unsafe.Pointer(&outNames[0])), uintptr(len(outputs)), uintptr(unsafe.Pointer(&out[0])))
	stop()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("ort: running %s: %w", s.name, err)
	}
	result := make(map[string]*onnxgraph.Tensor, len(outputs))
	for i, name := range outputs {
		if result[name], err = s.lib.fromValue(out[i]); err != nil {
			return nil, fmt.Errorf("ort: reading output %q of %s: %w", name, s.name, err)
		}
	}
	return result, nil
}

// inputValues makes OrtValues of the inputs, in the graph's order and with one
// place more. Even with an error, the values made so far are returned.
func (s *Session) inputValues(g *graph, inputs map[string]*onnxgraph.Tensor, pin *runtime.Pinner) ([]uintptr, error) {
	values := make([]uintptr, len(g.inputs)+1)
	for i, name := range g.inputs {
		t := inputs[name]
		if t == nil {
			return values, fmt.Errorf("ort: input %q of %s is missing", name, s.name)
		}
		var err error
		if values[i], err = s.lib.toValue(t, pin); err != nil {
			return values, fmt.Errorf("ort: input %q of %s: %w", name, s.name, err)
		}
	}
	return values, nil
}

func (s *Session) releaseValues(values []uintptr) {
	for _, v := range values {
		s.lib.release(fnReleaseValue, v)
	}
}

// stopper makes run options that are told to terminate when ctx is done. The
// function returned frees them and must be called once the run has ended.
func (s *Session) stopper(ctx context.Context) (stop func(), options uintptr, err error) {
	if ctx.Done() == nil {
		return func() {}, 0, nil
	}
	if options, err = s.lib.create(fnCreateRunOptions); err != nil {
		return nil, 0, err
	}
	var mu sync.Mutex
	ended := false
	cancel := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			s.lib.call(fnRunOptionsSetTerminate, options)
		}
	})
	return func() {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		ended = true
		s.lib.release(fnReleaseRunOptions, options)
	}, options, nil
}
