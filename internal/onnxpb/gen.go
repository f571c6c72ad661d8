//go:build ignore

// Gen writes onnx.pb and onnx.pb.go: it takes ONNX's file descriptor out of the
// npm package onnx-buf, renames it, and runs protoc with the protoc-gen-go of
// the module's own protobuf version.
package main

import (
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	source    = "onnx-buf@1.20.0-1"
	pkg       = "onnxrebasin.onnx"
	file      = "onnxrebasin/onnx.proto"
	goPackage = "github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	tmp, err := os.MkdirTemp("", "onnxpb")
	if err != nil {
		log.Fatal(err)
	}
	err = generate(tmp)
	os.RemoveAll(tmp)
	if err != nil {
		log.Fatal(err)
	}
}

func generate(tmp string) error {
	fd, err := fetch(tmp)
	if err != nil {
		return err
	}
	rename(fd)
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{fd}}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	if err := os.WriteFile("onnx.pb", data, 0o666); err != nil {
		return err
	}
	plugin := filepath.Join(tmp, "protoc-gen-go")
	if err := run("", "go", "build", "-o", plugin, "google.golang.org/protobuf/cmd/protoc-gen-go"); err != nil {
		return err
	}
	err = run("", "protoc", "--descriptor_set_in=onnx.pb", "--plugin="+plugin,
		"--go_out=.", "--go_opt=module="+goPackage, file)
	return err
}

// fetch downloads the package and decodes the descriptor, which stands in its
// script as one base64 string.
func fetch(dir string) (*descriptorpb.FileDescriptorProto, error) {
	if err := run(dir, "npm", "pack", "--silent", source); err != nil {
		return nil, err
	}
	if err := run(dir, "sh", "-c", "tar -xzf onnx-buf-*.tgz"); err != nil {
		return nil, err
	}
	script, err := os.ReadFile(filepath.Join(dir, "package", "dist", "onnx_pb.js"))
	if err != nil {
		return nil, err
	}
	m := regexp.MustCompile(`fileDesc\("([A-Za-z0-9+/]+)=*"`).FindSubmatch(script)
	if m == nil {
		return nil, fmt.Errorf("%s holds no descriptor", source)
	}
	raw, err := base64.RawStdEncoding.DecodeString(string(m[1]))
	if err != nil {
		return nil, err
	}
	fd := new(descriptorpb.FileDescriptorProto)
	return fd, proto.Unmarshal(raw, fd)
}

// rename moves the descriptor into our protobuf package.
func rename(fd *descriptorpb.FileDescriptorProto) {
	old := "." + fd.GetPackage() + "."
	fd.Name, fd.Package = proto.String(file), proto.String(pkg)
	fd.Options = &descriptorpb.FileOptions{GoPackage: proto.String(goPackage)}
	for _, m := range fd.MessageType {
		retype(m, old)
	}
}

func retype(m *descriptorpb.DescriptorProto, old string) {
	for _, f := range m.Field {
		if name, ok := strings.CutPrefix(f.GetTypeName(), old); ok {
			f.TypeName = proto.String("." + pkg + "." + name)
		}
	}
	for _, n := range m.NestedType {
		retype(n, old)
	}
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
