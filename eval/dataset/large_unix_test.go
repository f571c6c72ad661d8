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

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

const (
	largeRows   = 400 << 10
	largeMemory = 160 << 20 // bytes of memory, beside mapped files, that reading may take
	largeEnv    = "ONNX_REBASIN_TEST_LARGE"
)

// A data set larger than memory is read through: 400 MiB of pixels, which become
// 1.6 GiB of numbers, by a process that never holds 160 MiB. The process says what
// it held: a limit that the system sets would end in a fault of Go's runtime.
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
		if rows, held := runLarge(t, path); rows != largeRows || held > largeMemory {
			t.Errorf("%s: read %d rows of %d, holding %d MiB", name, rows, largeRows, held>>20)
		}
		os.Remove(path)
	}
	if _, held := runLarge(t, "all"); held <= largeMemory {
		t.Errorf("the numbers at once take %d MiB: what is held is not seen", held>>20)
	}
}

// runLarge reads path in a process of its own and gives its rows and the most bytes it held.
func runLarge(t *testing.T, path string) (rows, held int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLargerThanMemory$", "-test.v")
	cmd.Env = append(os.Environ(), largeEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v:\n%.2000s", path, err, out)
	}
	_, said, _ := strings.Cut(string(out), "read ")
	if _, err := fmt.Sscanf(said, "%d rows, held %d bytes", &rows, &held); err != nil {
		t.Fatalf("%s: %v in:\n%.2000s", path, err, out)
	}
	return rows, held
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

// readLarge reads a data set, or has its numbers at once, and says what it held.
func readLarge(t *testing.T, path string) {
	if path == "all" {
		all := make([]float32, largeRows*1024)
		for i := range all {
			all[i] = 1
		}
		t.Logf("read %d rows, held %d bytes", len(all)/1024, anonymous(t))
		return
	}
	s, err := Open(path, Options{Inputs: []Input{{Name: "x", Type: onnxgraph.Float32, Shape: []int64{-1, 1024}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, held := 0, 0
	for b, err := range s.Batches(1000) {
		if err != nil {
			t.Fatal(err)
		}
		rows += b.Inputs["x"].Shape[0]
		held = max(held, anonymous(t))
	}
	t.Logf("read %d rows, held %d bytes", rows, held)
}

// anonymous gives the bytes of memory the process holds beside mapped files.
func anonymous(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "RssAnon:")
	var kilobytes int
	if _, err := fmt.Sscanf(line, "%d kB", &kilobytes); err != nil {
		t.Fatalf("/proc/self/status has no RssAnon: %v", err)
	}
	return kilobytes << 10
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
