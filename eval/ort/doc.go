// Package ort runs models on ONNX Runtime, without cgo: the shared library is
// opened when it is first needed and its C functions are called through the
// table that OrtGetApiBase returns. Only functions of the table's first version
// are used, so every release of ONNX Runtime since 1.0 serves.
//
// A program built with this package starts and works on a machine that has no
// ONNX Runtime; there [New] fails with an error that is [ErrNotFound] and says
// how to get the library. On Linux, opening shared libraries makes the program
// itself dynamically linked to the C library; the build tag noort leaves ONNX
// Runtime out and gives a fully static program.
//
//	s, err := ort.New(model, ort.Options{Threads: 4})
//	if errors.Is(err, ort.ErrNotFound) { … }
//	defer s.Close()
//	out, err := s.Run(ctx, map[string]*onnxgraph.Tensor{"input": x}, nil)
package ort
