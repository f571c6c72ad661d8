// Package onnxpb holds the Go types of the ONNX file format, version 1.20
// (IR 13), generated from its protobuf descriptor.
//
// The descriptor is onnx.pb, byte for byte a FileDescriptorSet of the one that
// ONNX publishes except for its names: the protobuf package is
// onnxrebasin.onnx and the file onnxrebasin/onnx.proto, so that a program may
// link other packages generated from onnx.proto too (the protobuf registry
// refuses two of one name).
//
// Both files are made by "go generate", which needs npm (the descriptor comes
// out of the package onnx-buf) and protoc. Users of the module need neither.
package onnxpb

//go:generate go run gen.go
