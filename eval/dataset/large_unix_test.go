//go:build linux

package dataset

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

const (
	largeRows   = 400 << 10
	largeMemory = 160 << 20 // that the process may have for its data
	largeEnv    = "ONNX_REBASIN_TEST_LARGE"
)

// A data set larger than memory is read through: 400 MiB of pixels, which become
// 1.6 GiB of numbers, by a process that may have 160 MiB.
func TestLargerThanMemory(t *testing.T) {
	if path := os.Getenv(largeEnv); path != "" {
		readLarge(t, path)
		return
	}
	if testing.Short() {
		t.Skip("reads 800 MiB")
	}
	dir := t.TempDir()
	for _, name := range []string{"x.npy", "x.npz"} {
		path := filepath.Join(dir, name)
		if err := writeLarge(path); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestLargerThanMemory$", "-test.v")
		cmd.Env = append(os.Environ(), largeEnv+"="+path)
		out, err := cmd.CombinedOutput()
		if want := fmt.Sprintf("read %d rows", largeRows); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, no %q in:\n%.2000s", name, err, want, out)
		}
		os.Remove(path)
	}
	// The limit is one: the same process cannot have the numbers at once.
	cmd := exec.Command(os.Args[0], "-test.run=^TestLargerThanMemory$")
	cmd.Env = append(os.Environ(), largeEnv+"=all")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "out of memory") {
		t.Errorf("the limit of memory does not hold: %v, %.500s", err, out)
	}
}

// writeLarge writes zeros, as a file with a hole or deflated.
func writeLarge(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 1024), }\n", largeRows)
	header = fmt.Sprintf("\x93NUMPY\x01\x00%c%c%s", len(header)%256, len(header)/256, header)
	if filepath.Ext(path) == ".npy" {
		if _, err := f.WriteString(header); err != nil {
			return err
		}
		return f.Truncate(int64(len(header)) + largeRows*1024)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("x.npy")
	if err == nil {
		_, err = io.Copy(w, io.MultiReader(strings.NewReader(header), io.LimitReader(zeros{}, largeRows*1024)))
	}
	if err != nil {
		return err
	}
	return z.Close()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// readLarge reads a data set with little memory.
func readLarge(t *testing.T, path string) {
	limit := unix.Rlimit{Cur: largeMemory, Max: largeMemory}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	if path == "all" {
		all := make([]float32, largeRows*1024)
		for i := range all {
			all[i] = 1
		}
		t.Logf("%d numbers at once", len(all))
		return
	}
	s, err := Open(path, Options{Inputs: []Input{{Name: "x", Type: onnxgraph.Float32, Shape: []int64{-1, 1024}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := 0
	for b, err := range s.Batches(1000) {
		if err != nil {
			t.Fatal(err)
		}
		n += b.Inputs["x"].Shape[0]
	}
	t.Logf("read %d rows", n)
}

// A file that is cut short while it is read is an error, not a fault.
func TestCutWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := writeLarge(path); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read := 0
	for _, err = range s.Batches(1000) {
		if read++; read == 2 {
			if err := os.Truncate(path, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err == nil || !strings.Contains(err.Error(), "x.npy: the data ends early") {
		t.Errorf("error %v after %d batches", err, read)
	}
}
