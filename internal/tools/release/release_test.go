package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"runtime/debug"
	"strings"
	"testing"
)

// Archives hold what was put in, executable what is to be, and are the same bytes
// each time.
func TestArchives(t *testing.T) {
	list := []entry{{"program", 0o755, []byte("code")}, {"completions/text", 0o644, []byte(strings.Repeat("text ", 1000))}}
	twice := func(pack func(io.Writer, string, []entry) error) []byte {
		t.Helper()
		var out [2]bytes.Buffer
		for k := range out {
			if err := pack(&out[k], "folder", list); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) {
			t.Error("packed twice, an archive has other bytes")
		}
		return out[0].Bytes()
	}
	z, err := gzip.NewReader(bytes.NewReader(twice(tarball)))
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for _, e := range list {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || h.Name != "folder/"+e.path || h.Mode != e.mode || !bytes.Equal(content, e.content) {
			t.Errorf("the tarball has %s %o of %d bytes (%v)", h.Name, h.Mode, len(content), err)
		}
	}
	packed := twice(zipped)
	files, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for k, e := range list {
		f := files.File[k]
		if f.Name != "folder/"+e.path || int64(f.Mode().Perm()) != e.mode || f.UncompressedSize64 != uint64(len(e.content)) {
			t.Errorf("the zip has %s %v of %d bytes", f.Name, f.Mode(), f.UncompressedSize64)
		}
	}
}

// The bill names the program, the compiler and every module, with package URLs.
func TestBill(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: module, Version: "v1.2.3"},
		Deps:     []*debug.Module{{Path: "example.org/A", Version: "v2.0.0+incompatible", Sum: "h1:x"}, {Path: "old", Replace: &debug.Module{Path: "new", Version: "v1.0.0"}}},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}
	text, err := json.Marshal(billOf(info))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,` +
		`"metadata":{"component":{"type":"application","name":"github.com/onnx-rebasin/onnx-rebasin","version":"v1.2.3","purl":"pkg:golang/github.com/onnx-rebasin/onnx-rebasin@v1.2.3","properties":[{"name":"go:vcs.revision","value":"abc"}]}},` +
		`"components":[{"type":"library","name":"std","version":"1.26.0","purl":"pkg:golang/std@1.26.0"},` +
		`{"type":"library","name":"example.org/A","version":"v2.0.0+incompatible","purl":"pkg:golang/example.org/a@v2.0.0%2Bincompatible","properties":[{"name":"go:sum","value":"h1:x"}]},` +
		`{"type":"library","name":"new","version":"v1.0.0","purl":"pkg:golang/new@v1.0.0","properties":[{"name":"go:sum","value":""}]}]}`
	if string(text) != want {
		t.Errorf("the bill is\n%s\nwant\n%s", text, want)
	}
}

// Checksums are in the form of sha256sum, and the formula has those of its four
// archives.
func TestChecksumsAndFormula(t *testing.T) {
	made := []file{{"b", "22", 1}, {"a", "11", 1}}
	if got := string(checksums(made)); got != "11  a\n22  b\n" {
		t.Errorf("checksums %q", got)
	}
	made = nil
	for _, target := range targets {
		made = append(made, file{name: name + "_v1.0.0_" + target.goos + "_" + target.goarch + target.suffix + ".tar.gz", sum: target.goos + target.goarch + target.suffix})
	}
	text := string(formula("v1.0.0", made))
	for _, want := range []string{`version "1.0.0"`, `releases/download/v1.0.0/onnx-rebasin_v1.0.0_darwin_arm64.tar.gz"`, `sha256 "darwinamd64"`, `sha256 "darwinarm64"`, `sha256 "linuxamd64"`, `sha256 "linuxarm64"`} {
		if strings.Count(text, want) != 1 {
			t.Errorf("the formula should have %s once:\n%s", want, text)
		}
	}
}
