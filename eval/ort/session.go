package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Level is how much ONNX Runtime rewrites a graph before running it.
type Level int

// The levels of graph optimisation.
const (
	OptimizeAll      Level = iota // the default; may use other memory layouts
	OptimizeExtended              // also fused operators of ONNX Runtime's own
	OptimizeBasic                 // constants folded, no-ops removed
	OptimizeNone                  // the graph as it stands
)

// Options say how a Session runs.
type Options struct {
	Library  string // path given to [Find]
	Threads  int    // cores used inside one operator; 0: all
	Optimize Level
}

// A Session is a model ready to run on ONNX Runtime. It is safe for concurrent
// use.
type Session struct {
	lib    *Library
	opts   Options
	build  func(extra []string) ([]byte, error) // the model's file with more graph outputs
	name   string
	mu     sync.RWMutex
	graph  *graph
	wide   *graph // has outputs that the graph itself has not; nil until asked for
	closed bool
}

// graph is one OrtSession. The outputs asked of ONNX Runtime are part of its
// graph and change what it may fuse, so a session that is asked for
// intermediate values has a second graph for them.
type graph struct {
	handle  uintptr
	inputs  []string
	outputs []string
	tensors []string // those of outputs that are tensors
}

// NewFile makes a session of the model file at path. It can give the outputs of
// the graph only.
func NewFile(path string, opts Options) (*Session, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	lib, err := Load(opts.Library)
	if err != nil {
		return nil, err
	}
	s := &Session{lib: lib, opts: opts, name: path}
	file, err := cPath(path)
	if err != nil {
		return nil, err
	}
	s.graph, err = s.newGraph(fnCreateSession, file)
	return s, err
}

// newSession makes a session of a model whose file build gives.
func newSession(name string, build func(extra []string) ([]byte, error), opts Options) (*Session, error) {
	lib, err := Load(opts.Library)
	if err != nil {
		return nil, err
	}
	s := &Session{lib: lib, opts: opts, name: name, build: build}
	s.graph, err = s.buildGraph(nil)
	return s, err
}

func (s *Session) buildGraph(extra []string) (*graph, error) {
	model, err := s.build(extra)
	if err != nil {
		return nil, err
	}
	if len(model) == 0 {
		return nil, fmt.Errorf("ort: %s is empty", s.name)
	}
	return s.newGraph(fnCreateSessionFromArray, model)
}

// newGraph calls CreateSession with a path or CreateSessionFromArray with a
// model. ONNX Runtime keeps a copy of the model.
func (s *Session) newGraph(create int, model []byte) (*graph, error) {
	options, err := s.sessionOptions()
	if err != nil {
		return nil, err
	}
	defer s.lib.release(fnReleaseSessionOptions, options)
	args := []uintptr{s.lib.env, uintptr(unsafe.Pointer(&model[0]))}
	if create == fnCreateSessionFromArray {
		args = append(args, uintptr(len(model)))
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&model[0])
	handle, err := s.lib.create(create, append(args, options)...)
	if err != nil {
		return nil, fmt.Errorf("ort: loading %s: %w", s.name, err)
	}
	g := &graph{handle: handle}
	if g.inputs, err = s.lib.names(handle, fnSessionGetInputCount, fnSessionGetInputName); err == nil {
		g.outputs, err = s.lib.names(handle, fnSessionGetOutputCount, fnSessionGetOutputName)
	}
	if err == nil {
		g.tensors, err = s.lib.tensorOutputs(g)
	}
	if err != nil {
		s.lib.release(fnReleaseSession, handle)
		return nil, fmt.Errorf("ort: loading %s: %w", s.name, err)
	}
	return g, nil
}

func (s *Session) sessionOptions() (uintptr, error) {
	options, err := s.lib.create(fnCreateSessionOptions)
	if err != nil {
		return 0, err
	}
	level := map[Level]uintptr{OptimizeAll: 99, OptimizeExtended: 2, OptimizeBasic: 1, OptimizeNone: 0}[s.opts.Optimize]
	err = errors.Join(
		s.lib.call(fnSetSessionLogSeverityLevel, options, logFatal),
		s.lib.call(fnSetSessionGraphOptimization, options, level),
		s.lib.call(fnSetIntraOpNumThreads, options, uintptr(s.opts.Threads)),
		s.lib.call(fnSetInterOpNumThreads, options, 1),
	)
	if err != nil {
		s.lib.release(fnReleaseSessionOptions, options)
		return 0, err
	}
	return options, nil
}

// names reads the names of a session's inputs or outputs.
func (l *Library) names(session uintptr, countFn, nameFn int) ([]string, error) {
	count := new(uintptr)
	if err := l.call(countFn, session, uintptr(unsafe.Pointer(count))); err != nil {
		return nil, err
	}
	names := make([]string, *count)
	for i := range names {
		text, err := l.create(nameFn, session, uintptr(i), l.allocator)
		if err != nil {
			return nil, err
		}
		names[i] = goString(text, maxNameLength)
		if err := l.call(fnAllocatorFree, l.allocator, text); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// tensorOutputs lists the outputs of a graph that are tensors.
func (l *Library) tensorOutputs(g *graph) ([]string, error) {
	names := []string{}
	for i, name := range g.outputs {
		info, err := l.create(fnSessionGetOutputTypeInfo, g.handle, uintptr(i))
		if err != nil {
			return nil, err
		}
		kind := new(int32)
		err = l.call(fnGetOnnxTypeFromTypeInfo, info, uintptr(unsafe.Pointer(kind)))
		l.release(fnReleaseTypeInfo, info)
		if err != nil {
			return nil, err
		}
		if *kind == onnxTypeTensor {
			names = append(names, name)
		}
	}
	return names, nil
}

// Library is the ONNX Runtime that the session runs on.
func (s *Session) Library() *Library { return s.lib }

// Inputs lists the names of the inputs that Run wants.
func (s *Session) Inputs() []string { return slices.Clone(s.graph.inputs) }

// Outputs lists the names of the graph's outputs.
func (s *Session) Outputs() []string { return slices.Clone(s.graph.outputs) }

// Run computes the named outputs, or those of the graph when outputs is nil,
// where outputs that are not tensors are left out. Any value of the main graph
// may be asked for; the first time costs a second load of the model.
//
// Run returns when it is done or, with ctx's error, soon after ctx is done.
func (s *Session) Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for {
		if s.closed {
			return nil, errClosed
		}
		if g := s.graphFor(outputs); g != nil {
			return s.run(ctx, g, inputs, outputs)
		}
		s.mu.RUnlock()
		err := s.widen(outputs)
		s.mu.RLock()
		if err != nil {
			return nil, err
		}
	}
}

// graphFor returns the graph that has all of the outputs, nil when there is
// none yet.
func (s *Session) graphFor(outputs []string) *graph {
	for _, g := range []*graph{s.graph, s.wide} {
		if g != nil && !slices.ContainsFunc(outputs, func(o string) bool { return !slices.Contains(g.outputs, o) }) {
			return g
		}
	}
	return nil
}

// widen loads the model with the given values, and those asked for before, as
// outputs.
func (s *Session) widen(outputs []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	var extra []string
	for _, o := range outputs {
		if !slices.Contains(s.graph.outputs, o) && !slices.Contains(extra, o) {
			extra = append(extra, o)
		}
	}
	if s.build == nil {
		return fmt.Errorf("ort: %s has no output %q", s.name, extra[0])
	}
	if s.wide != nil {
		for _, o := range s.wide.outputs[len(s.graph.outputs):] {
			if !slices.Contains(extra, o) {
				extra = append(extra, o)
			}
		}
	}
	wide, err := s.buildGraph(extra)
	if err != nil {
		return err
	}
	if s.wide != nil {
		s.lib.release(fnReleaseSession, s.wide.handle)
	}
	s.wide = wide
	return nil
}

// Close frees the model. It waits for calls of Run to return; closing twice is
// harmless.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, g := range []*graph{s.graph, s.wide} {
		if g != nil {
			s.lib.release(fnReleaseSession, g.handle)
		}
	}
	return nil
}
