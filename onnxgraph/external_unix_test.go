//go:build unix

package onnxgraph_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Nothing but regular files in the model's folder is read as external data, and
// no more of them than there is.
func TestExternalConfined(t *testing.T) {
	dir := filepath.Dir(write(t, "outside", rawFloats(1, 2), "inside/w", rawFloats(1, 2)))
	inside := filepath.Join(dir, "inside")
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(inside, name)); err != nil {
			t.Skip(err)
		}
	}
	link("../outside", "out")
	link(filepath.Join(dir, "outside"), "absolute")
	link("..", "up")
	link("w", "fine")
	link("../inside/w", "around")
	for from, to := range map[string]string{filepath.Join(dir, "outside"): "hard", filepath.Join(inside, "twice"): "twin"} {
		os.WriteFile(from, rawFloats(1, 2), 0o666)
		if err := os.Link(from, filepath.Join(inside, to)); err != nil {
			t.Skip(err)
		}
	}
	syscall.Mknod(filepath.Join(inside, "zero"), syscall.S_IFCHR|0o666, 1<<8|5) // where that is allowed
	if err := syscall.Mkfifo(filepath.Join(inside, "pipe"), 0o666); err != nil {
		t.Skip(err)
	}
	max := strconv.FormatInt(1<<63-1, 10)
	for _, c := range []struct {
		ok    bool
		pairs []string
	}{
		{true, []string{"location", "w"}},
		{true, []string{"location", "fine"}},
		{true, []string{"location", "w", "offset", "4", "basepath", "/"}},
		{false, []string{"location", "out"}},
		{false, []string{"location", "absolute"}},
		{false, []string{"location", "up/outside"}},
		{false, []string{"location", "../outside"}},
		{false, []string{"location", "x/../../outside"}},
		{false, []string{"location", filepath.Join(dir, "inside/w")}},
		{false, []string{"location", "pipe"}},
		{false, []string{"location", "around"}},
		{false, []string{"location", "hard"}},
		{false, []string{"location", "twin"}},
		{false, []string{"location", "zero"}},
		{false, []string{"location", "."}},
		{false, []string{"location", ""}},
		{false, nil},
		{false, []string{"location", "w\x00"}},
		{false, []string{"location", `..\outside`}},
		{false, []string{"location", "C:w"}},
		{false, []string{"location", `C:\w`}},
		{false, []string{"location", `\\server\share\w`}},
		{false, []string{"location", "//server/share/w"}},
		{false, []string{"location", `\\?\C:\w`}},
		{false, []string{"location", "w:stream"}},
		{false, []string{"location", `sub\w`}},
		{false, []string{"location", "w\x00.bin"}},
		{false, []string{"location", "file:///etc/passwd"}},
		{false, []string{"location", "w", "location", "../outside"}},
		{false, []string{"location", "/dev/zero"}},
		{false, []string{"location", "*/_ORT_MEM_ADDR_/*"}},
		{false, []string{"location", "missing"}},
		{false, []string{"location", "w", "offset", "8"}},
		{false, []string{"location", "w", "offset", "-4"}},
		{false, []string{"location", "w", "offset", max}},
		{false, []string{"location", "w", "length", "8"}},
		{false, []string{"location", "w", "length", max}},
		{false, []string{"location", "w", "length", "4x"}},
	} {
		m, err := onnxgraph.Parse(marshal(t, chain(away("a", 1, c.pairs...))), inside)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Bytes(m.Weights()[0])
		if c.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%q: error %v", c.pairs, err)
		}
		m.Close()
	}
	m := parse(t, chain(away("a", 1, "location", "w")))
	if _, err := m.Bytes(m.Weights()[0]); err == nil {
		t.Error("external data read without a folder")
	}
}

// A file that is exchanged for a link out of the folder, at any moment, is never
// read through it: what is looked at is what was opened.
func TestExternalExchanged(t *testing.T) {
	const secret = 7
	dir := filepath.Dir(write(t, "outside", rawFloats(secret), "inside/w", rawFloats(1)))
	inside := filepath.Join(dir, "inside")
	model := marshal(t, chain(away("a", 1, "location", "w")))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // puts a link and a file in place, over and over
		defer close(stopped)
		next := filepath.Join(inside, "next")
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			default:
			}
			if k%2 == 0 {
				os.Symlink("../outside", next)
			} else {
				os.WriteFile(next, rawFloats(1), 0o666)
			}
			os.Rename(next, filepath.Join(inside, "w"))
		}
	}()
	read, refused, leaked := 0, 0, 0
	for k := 0; k < 2000 || read*refused == 0; k++ {
		m, err := onnxgraph.Parse(model, inside)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Bytes(m.Weights()[0])
		switch {
		case err != nil:
			refused++
		case bytes.Equal(b, rawFloats(1)):
			read++
		default:
			leaked++
		}
		m.Close()
	}
	close(stop)
	<-stopped
	if leaked > 0 {
		t.Errorf("%d of %d reads are of the file outside", leaked, read+leaked)
	}
}

// Bytes that were let go are read again, also from several goroutines.
func TestForget(t *testing.T) {
	data := make([]float32, 1<<20)
	for i := range data {
		data[i] = float32(i)
	}
	path := write(t, "m.onnx", marshal(t, chain(away("a", int64(len(data)), "location", "w"), floats("b", data...))), "w", rawFloats(data...))
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var wg sync.WaitGroup
	for range 4 {
		for _, w := range m.Weights() {
			wg.Go(func() {
				for range 20 {
					b, err := m.Bytes(w)
					if err != nil || !bytes.Equal(b, rawFloats(data...)) {
						t.Errorf("%v: other bytes, %v", w, err)
						return
					}
					m.Forget(b)
					m.Forget(b[len(b)/3:])
				}
			})
		}
	}
	wg.Wait()
	own := bytes.Clone(rawFloats(data...))
	m.Forget(own) // no part of the file
	if !bytes.Equal(own, rawFloats(data...)) {
		t.Error("Forget changed memory that is not mapped")
	}
}

// A view of a weight holds its numbers, wherever they lie.
func TestFloat32View(t *testing.T) {
	data := []float32{1, -2, 3.5}
	for shift := range 4 {
		for _, from := range []string{"file", "memory"} {
			file := append(make([]byte, shift), rawFloats(data...)...)
			pb := marshal(t, chain(away("a", 3, "location", "w", "offset", strconv.Itoa(shift)), floats(strings.Repeat("b", 1+shift), data...)))
			m, err := onnxgraph.Load(write(t, "m.onnx", pb, "w", file))
			if from == "memory" {
				m, err = onnxgraph.Parse(pb, filepath.Dir(m.Path))
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range m.Weights() {
				v, done, err := m.Float32View(w)
				if err != nil || !slices.Equal(v, data) {
					t.Errorf("%v: %v, %v", w, v, err)
				}
				done()
			}
			m.Close()
		}
	}
}
