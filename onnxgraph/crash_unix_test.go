//go:build unix

package onnxgraph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// wide is how many elements the weights of crash tests have: enough for a save
// to take a while.
const wide = 1 << 16

// constant returns numbers that are all x.
func constant(x float32) []byte {
	v := make([]float32, wide)
	for i := range v {
		v[i] = x
	}
	return rawFloats(v...)
}

// unit writes a model with weights in the model file and in two others.
func unit(t *testing.T) string {
	pb := chain(away("a", wide, "location", "a.bin"), away("b", wide, "location", "sub/b.bin"), floats("c", make([]float32, wide)...))
	return write(t, "m.onnx", marshal(t, pb), "a.bin", constant(0), "sub/b.bin", constant(0))
}

// version is the model with all weights x.
func version(t *testing.T, m *onnxgraph.Model, x float32) *onnxgraph.Model {
	for _, name := range []string{"a", "b", "c"} {
		m = put(t, m, name, constant(x))
	}
	return m
}

// whole returns which version of the model is in a file, and fails the test if
// it is a mixture or damaged.
func whole(t *testing.T, path string) float32 {
	t.Helper()
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var got []float32
	for _, w := range m.Weights() {
		v, err := m.Float32s(w)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, slices.Min(v), slices.Max(v))
	}
	if slices.Min(got) != slices.Max(got) {
		t.Fatalf("weights are from %v to %v", slices.Min(got), slices.Max(got))
	}
	return got[0]
}

// tidy fails the test when a folder holds more than a model with its two files,
// and the two that the first save gave the names they had: such names are not
// this program's to remove.
func tidy(t *testing.T, dir string) {
	t.Helper()
	own := 0
	for _, name := range listing(t, dir) {
		switch base := path.Base(name); {
		case strings.HasPrefix(base, "n.") && base != "n.onnx":
			own++
		case base != "n.onnx" && name != "sub" && name != "a.bin" && name != "sub/b.bin":
			t.Errorf("%s is left", name)
		}
	}
	if own > 2 {
		t.Errorf("files %q", listing(t, dir))
	}
}

// TestCrashChild saves versions of a model until it is killed; see TestKilled.
func TestCrashChild(t *testing.T) {
	from, to := os.Getenv("CRASH_FROM"), os.Getenv("CRASH_TO")
	if from == "" {
		t.Skip("run by TestKilled")
	}
	m := load(t, from)
	fmt.Println("ready")
	for x := float32(1); ; x++ {
		if err := version(t, m, x).Save(to, onnxgraph.SaveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that is killed while it saves leaves the old model or the new one,
// whole, and what else it leaves is gone after the next save.
func TestKilled(t *testing.T) {
	from, dir := unit(t), t.TempDir()
	out := filepath.Join(dir, "n.onnx")
	m := load(t, from)
	if err := version(t, m, 0).Save(out, onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 25 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		cmd.Env = append(os.Environ(), "CRASH_FROM="+from, "CRASH_TO="+out)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stdout.Read(make([]byte, 1)) // ready
		time.Sleep(time.Duration(rng.IntN(40_000)) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		whole(t, out)
	}
	if err := version(t, m, 7).Save(out, onnxgraph.SaveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := whole(t, out); got != 7 {
		t.Errorf("version %v", got)
	}
	tidy(t, dir)
	if got := whole(t, from); got != 0 {
		t.Errorf("the input is version %v", got)
	}
}

// TestPageChild writes half of a file and waits; see TestPageKilled.
func TestPageChild(t *testing.T) {
	to := os.Getenv("CRASH_PAGE")
	if to == "" {
		t.Skip("run by TestPageKilled")
	}
	onnxgraph.WriteFile(to, onnxgraph.SaveOptions{Force: true}, func(w io.Writer) error {
		w.Write(make([]byte, 1<<20))
		fmt.Println("half")
		select {}
	})
}

// So it is with any other file: the old one stays, and the next one to its name
// removes what is left.
func TestPageKilled(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	put := func(text string) error {
		return onnxgraph.WriteFile(page, onnxgraph.SaveOptions{Force: true}, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	}
	if err := put("old"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPageChild$")
	cmd.Env = append(os.Environ(), "CRASH_PAGE="+page)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout.Read(make([]byte, 1)) // half is written
	if err := put("meanwhile"); err != nil || len(listing(t, dir)) != 2 {
		t.Errorf("while another is written: %v, files %q", err, listing(t, dir))
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got, err := os.ReadFile(page); err != nil || string(got) != "meanwhile" {
		t.Errorf("after the kill: %.20q, %v", got, err)
	}
	if err := put("new"); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"page.html"}) {
		t.Errorf("files %q", got)
	}
}

// A file whose content fails, and what is no file, stay as they are.
func TestPageRefused(t *testing.T) {
	dir := t.TempDir()
	page, pipe := filepath.Join(dir, "page.html"), filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skip(err)
	}
	fails := errors.New("no more")
	content := func(w io.Writer) error { io.WriteString(w, "half"); return fails }
	if err := onnxgraph.WriteFile(page, onnxgraph.SaveOptions{}, content); !errors.Is(err, fails) || !strings.Contains(err.Error(), page) {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{pipe, dir} {
		if err := onnxgraph.WriteFile(name, onnxgraph.SaveOptions{Force: true}, func(io.Writer) error { return nil }); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"pipe"}) {
		t.Errorf("files %q", got)
	}
}

// Saves to one name at the same time do not mix: one of them is there in the
// end, or without Force the first.
func TestConcurrentSaves(t *testing.T) {
	for _, force := range []bool{true, false} {
		from, dir := unit(t), t.TempDir()
		out := filepath.Join(dir, "n.onnx")
		var wg sync.WaitGroup
		done := make([]error, 8)
		for k := range done {
			m := load(t, from)
			wg.Go(func() {
				for range 3 {
					done[k] = version(t, m, float32(k)).Save(out, onnxgraph.SaveOptions{Force: force})
				}
			})
		}
		wg.Wait()
		for k, err := range done {
			if force && err != nil || !force && !errors.Is(err, fs.ErrExist) {
				t.Errorf("force %v: save %d: %v", force, k, err)
			}
		}
		whole(t, out)
		tidy(t, dir)
	}
}

// Files that only look like what a killed run left stay.
func TestSweepSpares(t *testing.T) {
	from, dir := unit(t), t.TempDir()
	for _, name := range []string{".n.onnx.tmp", ".n.onnx.notes.tmp", ".n.onnx.ABCDEFGH.tmp.bak", ".other.onnx.ABCDEFGH.tmp", "precious.bin"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	journal := `[{"Name":"precious.bin","Size":8,"Time":1},{"Name":"../m.onnx","Size":1,"Time":1}]`
	if err := os.WriteFile(filepath.Join(dir, ".n.onnx.ABCDEFGH.journal.tmp"), []byte(journal), 0o666); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	if err := load(t, from).Save(filepath.Join(dir, "n.onnx"), onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	after := listing(t, dir)
	for _, name := range before {
		if !slices.Contains(after, name) && !strings.Contains(name, "journal") {
			t.Errorf("%s is gone", name)
		}
	}
	if slices.Contains(after, ".n.onnx.ABCDEFGH.journal.tmp") {
		t.Error("the journal of a dead run stays")
	}
}

// A save ends with its context and leaves nothing.
func TestSaveStopped(t *testing.T) {
	m, dir := load(t, unit(t)), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	w := weight(t, m, "b")
	stopped := m.With(map[*onnxgraph.Weight]onnxgraph.Content{w: func() ([]byte, error) { cancel(); return constant(1), nil }})
	err := stopped.Save(filepath.Join(dir, "n.onnx"), onnxgraph.SaveOptions{Context: ctx})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := listing(t, dir); len(got) > 0 {
		t.Errorf("files %q", got)
	}
}
