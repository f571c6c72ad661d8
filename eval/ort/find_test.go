package ort

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The library is found where pip and npm put it, below a folder that is named
// or that the environment names.
func TestFind(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the places of Linux on amd64")
	}
	for _, test := range []struct{ place, named, env, value string }{
		{"libonnxruntime.so.1.20.0", "libonnxruntime.so.1.20.0", "", ""},
		{"lib/libonnxruntime.so", "", LibraryEnv, ""},
		{"onnxruntime/capi/libonnxruntime.so.1.9.0", ".", "", ""},
		{"onnxruntime/capi/libonnxruntime.so.1.9.0", "onnxruntime", "", ""},
		{"node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1", ".", "", ""},
		{"node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1", "node_modules", LibraryEnv, ""},
		{"node_modules/onnxruntime-node/bin/napi-v3/linux/x64/libonnxruntime.so.1", "node_modules/onnxruntime-node", "", ""},
		{"lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.9.0", "", "VIRTUAL_ENV", ""},
		{"lib/libonnxruntime.so.1", "", "LD_LIBRARY_PATH", "lib"},
		{"m/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1", "", "NODE_PATH", "m"},
		{"a[b]*/onnxruntime/capi/libonnxruntime.so.1", "a[b]*", "", ""},
	} {
		dir := t.TempDir()
		t.Setenv(LibraryEnv, "")
		if test.env != "" {
			t.Setenv(test.env, filepath.Join(dir, test.value))
		}
		file := filepath.Join(dir, filepath.FromSlash(test.place))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, nil, 0o666)); err != nil {
			t.Fatal(err)
		}
		named := ""
		if test.named != "" && test.env == "" {
			named = filepath.Join(dir, test.named)
		}
		if got, err := Find(named); err != nil || got != file {
			t.Errorf("%+v: found %q, %v", test, got, err)
		}
		if test.env != "" {
			t.Setenv(test.env, "")
		}
	}
}

// Of several versions the last is taken.
func TestFindNewest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the names of Linux")
	}
	dir := t.TempDir()
	for _, name := range []string{"libonnxruntime.so.1.22.0", "libonnxruntime.so.1.30.0", "libonnxruntime_providers_shared.so"} {
		os.WriteFile(filepath.Join(dir, name), nil, 0o666)
	}
	if got, err := Find(dir); err != nil || filepath.Base(got) != "libonnxruntime.so.1.30.0" {
		t.Errorf("found %q, %v", got, err)
	}
}

// Places lists what Find searches, with the libraries that are there; the first
// of these is the one found.
func TestPlaces(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the places of Linux")
	}
	dir := filepath.Join(t.TempDir(), "a[b]*")
	file := filepath.Join(dir, "libonnxruntime.so.1")
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(file, nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryEnv, "")
	t.Setenv("LD_LIBRARY_PATH", dir)
	first, seen := "", map[string]bool{}
	for _, p := range Places() {
		if seen[p.Folder] {
			t.Errorf("%s twice", p.Folder)
		}
		seen[p.Folder] = true
		if first == "" && len(p.Libraries) > 0 {
			first = p.Libraries[0]
		}
	}
	if !seen[dir] || !seen["/usr/lib/python3*/site-packages/onnxruntime/capi"] {
		t.Errorf("places %v", seen)
	}
	if found, err := Find(""); err != nil || found != first || found != file {
		t.Errorf("found %q, %v; the first of the places is %q", found, err, first)
	}
}

// A missing library is an ErrNotFound that says what to do.
func TestNotFound(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		filepath.Join(dir, "no.so"): "--ort-lib names " + filepath.Join(dir, "no.so"),
		dir:                         "a folder without ",
	} {
		if _, err := Find(name); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, name := range []string{LibraryEnv, "VIRTUAL_ENV", "CONDA_PREFIX", "PATH", "NODE_PATH", "LD_LIBRARY_PATH", "HOME"} {
		t.Setenv(name, "")
	}
	if found, err := Find(""); err != nil && (!errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), HowToGet())) {
		t.Errorf("found %q, %v", found, err)
	}
}

// A file that is another library, or none, is refused in one sentence.
func TestWrongLibrary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "libonnxruntime.so")
	os.WriteFile(file, []byte("not a library"), 0o777)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}
