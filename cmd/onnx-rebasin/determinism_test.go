package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// pairs are fixtures of several architectures.
var pairs = []string{"mlp", "resnet"}

// written is what a command writes to its output, in an environment.
func written(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.onnx")
	cmd := exec.Command("onnx-rebasin", append(args, "--quiet", "--starts", "2", "-o", out)...)
	cmd.Env = append(os.Environ(), env...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, said)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A merge writes the same bytes on any number of cores.
func TestCores(t *testing.T) {
	for _, name := range pairs {
		args := []string{"merge", "../../fixtures/" + name + "/a.onnx", "../../fixtures/" + name + "/b.onnx"}
		one, two := written(t, []string{"GOMAXPROCS=1"}, args...), written(t, []string{"GOMAXPROCS=2"}, args...)
		if !bytes.Equal(one, two) {
			t.Errorf("%s: another file on two cores", name)
		}
	}
}

// The permutation that is found does not depend on the kernels: aligned weights
// are B's own numbers in another order.
func TestKernels(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("kernels are chosen by the processor on amd64 only")
	}
	portable := []string{"GODEBUG=cpu.avx2=off"}
	cmd := exec.Command("onnx-rebasin", "doctor")
	cmd.Env = append(os.Environ(), portable...)
	if said, err := cmd.Output(); err != nil || !strings.Contains(string(said), "kernels: portable") {
		t.Fatalf("without AVX2 the kernels are others: %v\n%s", err, said)
	}
	for _, name := range pairs {
		args := []string{"align", "../../fixtures/" + name + "/a.onnx", "../../fixtures/" + name + "/b.onnx"}
		if !bytes.Equal(written(t, nil, args...), written(t, portable, args...)) {
			t.Errorf("%s: another permutation without assembly", name)
		}
	}
}
