//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// What a file of a few kilobytes may cost, whatever it claims: far more than a
// run takes, far less than what the files below ask for.
const (
	fewBytes = 256 << 20
	someTime = time.Minute
)

// hostile are models that claim, or ask for, more than there is, and what is said
// of them. Those that can be read are refused when they are run.
var hostile = map[string]struct {
	file string // the lines of writeModel, or "" with raw
	raw  func() []byte
	says string
	runs bool // refused only by what runs models
	long bool // some seconds, so that only one command is tried
}{
	"more elements than a number counts": {raw: claims(1<<32, 1<<32), says: "has too many elements"},
	"more elements than data":            {raw: claims(1_000_000, 1_000_000), says: "need 4000000000000"},
	"a negative size":                    {raw: claims(-4, 4), says: "has a negative size"},
	"bodies in bodies":                   {raw: nested, says: "messages nested deeper than 100"},
	"a field of 1 GB": {raw: func() []byte {
		return append(protowire.AppendVarint([]byte{0x3a}, 1<<30), make([]byte, 1000)...)
	}, says: "does not end"},
	"a cycle": {file: `
		input x float32 1 4
		output y float32 1 4
		node Add x b -> a
		node Add a x -> b
		node Relu b -> y`, says: "a cycle goes through"},
	"one name twice": {file: `
		input x float32 1 4
		output y float32 1 4
		node Relu x -> y
		node Neg x -> y`, says: "is defined twice"},
	"an input that is not there": {file: `
		input x float32 1 4
		output y float32 1 4
		node Relu gone -> y`, says: "which nothing defines"},
	"a large constant": {file: `
		input x float32 1 4
		output y float32
		weight w float32 4 4
		node MatMul x w -> h
		node ReduceSum h -> s keepdims=0
		node Shape big -> z
		node Mul z z -> zz
		node Mul zz zz -> zzz
		node Expand s zzz -> e
		node ReduceSum e -> y keepdims=0
		weight big float32 1000 1000`, says: "is out of range", runs: true},
	"a large product": {file: `
		input x float32 1 4
		output y float32
		weight w float32 4 600
		node MatMul x w -> h
		node Transpose h -> t
		node MatMul t h -> p
		node Flatten p -> f axis=0
		node Transpose f -> g
		node MatMul g f -> q
		node ReduceSum q -> y keepdims=0`, says: "is out of range", runs: true},
	"a constant of 40 GB": {file: `
		input x float32 1 4
		output y float32
		weight w float32 4 4
		node MatMul x w -> h
		node ReduceSum h -> s keepdims=0
		node Shape big -> z
		node Mul z z -> zz
		node Expand s zz -> e
		node ReduceSum e -> y keepdims=0
		weight big float32 320 320`, says: "more than the 102 MB of memory", runs: true},
	"a window of 40 GB": {file: `
		input x float32 1 1 4 4
		output y float32 ?
		weight w float32 1 1 2 2
		node Conv x w -> h pads=50000,50000,50000,50000
		node ReduceMax h -> y keepdims=0`, says: "more than the 102 MB of memory", runs: true},
	"doubled 30 times": {file: doubled(30), says: "more than the 102 MB of memory", runs: true},
	"parts without number": {file: `
		input x float32 1 4
		output y float32 ?
		opset 18
		node Split x -> y z axis=1 num_outputs=2000000000`, says: "num_outputs is 2000000000", runs: true},
	"a loop without end": {raw: endless, says: "does a loop end?", runs: true, long: true},
	"a large input": {file: `
		input x float32 1000000 1000000
		output y float32 1000000 1000000
		node Relu x -> y`, says: "is not generated", runs: true},
}

// doubled is a model that joins its input to itself, and so on.
func doubled(times int) string {
	var b strings.Builder
	b.WriteString("input x float32 1 4\noutput y float32 ?\nweight w float32 4 4\nnode MatMul x w -> h0\n")
	for k := range times {
		fmt.Fprintf(&b, "node Concat h%d h%d -> h%d axis=0\n", k, k, k+1)
	}
	fmt.Fprintf(&b, "node ReduceSum h%d -> y keepdims=0\n", times)
	return b.String()
}

// endless is a model of a Loop whose condition stays true.
func endless() []byte {
	name := func(s string) *onnxpb.ValueInfoProto { return &onnxpb.ValueInfoProto{Name: &s} }
	body := &onnxpb.GraphProto{Name: proto.String("body"),
		Input:  []*onnxpb.ValueInfoProto{name("trip"), name("going"), name("state")},
		Output: []*onnxpb.ValueInfoProto{name("still"), name("next")},
		Node: []*onnxpb.NodeProto{{OpType: proto.String("Identity"), Input: []string{"going"}, Output: []string{"still"}},
			{OpType: proto.String("Neg"), Input: []string{"state"}, Output: []string{"next"}}}}
	kind := onnxpb.AttributeProto_GRAPH
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"), Output: []*onnxpb.ValueInfoProto{name("y")},
			Input:       []*onnxpb.ValueInfoProto{valueInfo([]string{"x", "float32", "1", "4"})},
			Initializer: []*onnxpb.TensorProto{{Name: proto.String("true"), DataType: proto.Int32(9), RawData: []byte{1}}},
			Node: []*onnxpb.NodeProto{{OpType: proto.String("Loop"), Input: []string{"", "true", "x"}, Output: []string{"y"},
				Attribute: []*onnxpb.AttributeProto{{Name: proto.String("body"), Type: &kind, G: body}}}}}})
	if err != nil {
		panic(err)
	}
	return data
}

// claims makes a model whose weight has the given shape and 64 bytes.
func claims(dims ...int64) func() []byte {
	return func() []byte {
		w := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: dims, RawData: make([]byte, 64)}
		data, err := proto.Marshal(&onnxpb.ModelProto{Graph: &onnxpb.GraphProto{Initializer: []*onnxpb.TensorProto{w}}})
		if err != nil {
			panic(err)
		}
		return data
	}
}

// nested is a model of 10,000 If nodes, each in a body of the last.
func nested() []byte {
	field := func(number protowire.Number, data []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), data)
	}
	var graph []byte
	for range 10_000 {
		attribute := append(field(1, []byte("then_branch")), field(6, graph)...)
		graph = field(1, append(field(4, []byte("If")), field(5, attribute)...))
	}
	return field(7, graph)
}

// Every command refuses them in one sentence, with no more memory and time than
// a small model takes.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some sixty processes")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out.onnx")
	for name, h := range hostile {
		path := writeHostile(t, dir, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running := [][]string{{"verify", path, path}, {"merge", path, path, "-o", out}, {"align", path, path, "-o", out}}
			reading := [][]string{{"eval", path, "--data", "../../fixtures/mnist_test.npz"}, {"barrier", path, path, "--data", "../../fixtures/mnist_test.npz"}, {"inspect", path}, {"permute", path, "-o", filepath.Join(t.TempDir(), "p.onnx")}, {"diff", path, path}}
			if h.long {
				running, reading = running[:1], nil
			}
			for _, args := range running {
				refused(t, h.says, append(args, "--max-memory", "0.1")...)
			}
			for _, args := range reading {
				if h.runs {
					limited(t, args...)
				} else {
					refused(t, h.says, args...)
				}
			}
		})
	}
	t.Cleanup(func() {
		if _, err := os.Stat(out); err == nil {
			t.Error("an output was written")
		}
	})
}

// writeHostile writes one of the models.
func writeHostile(t *testing.T, dir, name string) string {
	t.Helper()
	h := hostile[name]
	path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".onnx")
	data, err := build(h.file, 1)
	if h.raw != nil {
		data = h.raw()
	}
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A survey of many models leaves those out that cannot be read, with a sentence for
// each, and finds the relatives among the others.
func TestZooLimits(t *testing.T) {
	dir := t.TempDir()
	for name := range hostile {
		writeHostile(t, dir, name)
	}
	for _, name := range []string{"a.onnx", "b.onnx"} {
		data, err := os.ReadFile("../../fixtures/mlp/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stdout, stderr, code := measured(t, "zoo", dir, "--cache", "none")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "family 1: 2 models") || !strings.Contains(stdout, "a.onnx  b.onnx") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	for name, h := range hostile {
		if h.runs {
			continue
		}
		file := strings.ReplaceAll(name, " ", "-") + ".onnx"
		told := 0
		for line := range strings.Lines(stdout) {
			if strings.HasPrefix(line, "left out: ") && strings.Contains(line, file) && strings.Contains(line, h.says) {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%s is told %d times with %q:\n%s", file, told, h.says, stdout)
		}
	}
}

// A layer so wide that matching its units would take gigabytes is refused, though
// the file is small.
func TestWideLayer(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for seed := range uint64(2) {
		data, err := build(`
			input x float32 1 1
			output y float32 1 1
			weight w float32 1 40000
			weight v float32 40000 1
			node MatMul x w -> h
			node Relu h -> r
			node MatMul r v -> y`, seed)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.onnx", seed))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for _, args := range [][]string{{"merge", "-o", filepath.Join(dir, "out.onnx")}, {"align", "-o", filepath.Join(dir, "out.onnx")}, {"diff"}} {
		refused(t, `to match group "a" of 40000 slots takes 6103 MB`, append(args, paths...)...)
	}
}

// A data set that claims more than it has, or grows a thousandfold, is refused or
// read through.
func TestDataLimits(t *testing.T) {
	dir := t.TempDir()
	model := "../../fixtures/mlp/a.onnx"
	lie := archive(t, filepath.Join(dir, "lie.npz"), "(1000000000000, 784)", 100)
	refused(t, "claims", "eval", model, "--data", lie)
	bomb := archive(t, filepath.Join(dir, "bomb.npz"), "(1048576, 784)", 1<<20*784)
	if info, err := os.Stat(bomb); err != nil || info.Size() > 1<<20 {
		t.Fatalf("the bomb is no bomb: %v, %v", info, err)
	}
	if said, code := limited(t, "verify", model, model, "--data", bomb, "--limit", "100000"); code != 0 {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// archive writes an array x of zeros whose header claims a shape.
func archive(t *testing.T, path, shape string, bytesOf int) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("x.npy")
	if err != nil {
		t.Fatal(err)
	}
	header := "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }\n"
	zeros := make([]byte, 1<<20)
	w.Write(append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0))
	w.Write([]byte(header))
	for left := bytesOf; left > 0; left -= len(zeros) {
		w.Write(zeros[:min(left, len(zeros))])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused wants exit code 1 and one sentence that holds says.
func refused(t *testing.T, says string, args ...string) {
	t.Helper()
	said, code := limited(t, args...)
	var errors []string
	for line := range strings.Lines(said) {
		if !strings.Contains(line, " hint: ") {
			errors = append(errors, line)
		}
	}
	if code != 1 || len(errors) != 1 || !strings.HasPrefix(errors[0], "onnx-rebasin: error: ") || !strings.Contains(errors[0], says) {
		t.Errorf("%s: exit code %d, want 1 and a sentence with %q:\n%.1000s", strings.Join(args, " "), code, says, said)
	}
}

// limited runs the command and fails the test when that takes too much memory or
// does not end.
func limited(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	_, said, code = measured(t, args...)
	return said, code
}

// measured is limited with what was written to standard output.
func measured(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), someTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "onnx-rebasin", args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s: does not end", strings.Join(args, " "))
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" {
		peak <<= 10
	}
	if peak > fewBytes {
		t.Errorf("%s: %d MB of memory", strings.Join(args, " "), peak>>20)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}
