// Command release makes what is published of a version: archives of static
// binaries for six platforms, their checksums, bills of materials, and a formula
// for Homebrew.
//
//	go run ./internal/tools/release -o dist
//
// The version is that of the checkout's tag, or of its commit. The same commit and
// the same Go give the same bytes: -check builds the first program a second time,
// from another folder and with an empty cache, and compares.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("o", "dist", "folder to make and write into")
	check := flag.Bool("check", false, "build the first program twice and compare")
	flag.Parse()
	if err := release(*out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// target is a platform, and a kind of program for it.
type target struct {
	goos, goarch string
	tags         string
	suffix       string // of the archive's name
}

// targets are what is built. Linux has a second kind that needs no shared library
// at all, for containers and other C libraries than glibc: without ONNX Runtime,
// which can only be had by loading one.
var targets = []target{
	{"linux", "amd64", "", ""}, {"linux", "arm64", "", ""},
	{"linux", "amd64", "noort", "_static"}, {"linux", "arm64", "noort", "_static"},
	{"darwin", "amd64", "", ""}, {"darwin", "arm64", "", ""},
	{"windows", "amd64", "", ""}, {"windows", "arm64", "", ""},
}

func (t target) program() string {
	if t.goos == "windows" {
		return name + ".exe"
	}
	return name
}

const (
	name   = "onnx-rebasin"
	module = "github.com/onnx-rebasin/onnx-rebasin"
)

func release(out string, check bool) error {
	if err := os.Mkdir(out, 0o777); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var made []file
	var extra []entry
	version := ""
	for _, t := range targets {
		program := filepath.Join(work, t.goos+t.goarch+t.suffix, t.program())
		if err := build(".", program, t); err != nil {
			return err
		}
		info, err := readInfo(program)
		if err != nil {
			return err
		}
		version = info.Main.Version
		if extra == nil {
			if check {
				if err := rebuild(program, work, t); err != nil {
					return err
				}
			}
			if extra, err = companions(info); err != nil {
				return err
			}
		}
		stem := fmt.Sprintf("%s_%s_%s_%s%s", name, version, t.goos, t.goarch, t.suffix)
		for _, write := range []func(string, string, target, []entry) (file, error){writeArchive, writeBill} {
			f, err := write(filepath.Join(out, stem), program, t, extra)
			if err != nil {
				return err
			}
			made = append(made, f)
			fmt.Printf("%s  %s, %d bytes\n", f.sum, f.name, f.size)
		}
	}
	if err := os.WriteFile(filepath.Join(out, "SHA256SUMS"), checksums(made), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, name+".rb"), formula(version, made), 0o666)
}
