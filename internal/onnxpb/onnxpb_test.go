package onnxpb

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The generated types are those of the descriptor kept beside them.
func TestDescriptor(t *testing.T) {
	data, err := os.ReadFile("onnx.pb")
	if err != nil {
		t.Fatal(err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(data, set); err != nil {
		t.Fatal(err)
	}
	file, err := protodesc.NewFile(set.File[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	got, want := protodesc.ToFileDescriptorProto(File_onnxrebasin_onnx_proto), protodesc.ToFileDescriptorProto(file)
	for _, d := range []*descriptorpb.FileDescriptorProto{got, want} {
		for _, m := range d.MessageType {
			dropJSON(m)
		}
	}
	if len(set.File) != 1 || !proto.Equal(got, want) {
		t.Error("onnx.pb.go was not generated from onnx.pb: run go generate")
	}
	if got.GetPackage() != "onnxrebasin.onnx" || Version_IR_VERSION != 13 {
		t.Errorf("package %s, IR version %d", got.GetPackage(), Version_IR_VERSION)
	}
}

// dropJSON removes the names that protoc adds.
func dropJSON(m *descriptorpb.DescriptorProto) {
	for _, f := range m.Field {
		f.JsonName = nil
	}
	for _, n := range m.NestedType {
		dropJSON(n)
	}
}
