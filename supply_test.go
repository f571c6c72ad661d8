package rebasin_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const command = "./cmd/onnx-rebasin"

// linked runs go list over the packages that are linked into the command.
func linked(t *testing.T, format string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-f", format, command).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// The command cannot reach a network: the packages for it are not linked.
func TestNoNetwork(t *testing.T) {
	for _, pkg := range linked(t, "{{.ImportPath}}") {
		if slices.Contains([]string{"net", "net/http", "net/rpc", "crypto/tls"}, pkg) {
			t.Errorf("%s is linked", pkg)
		}
	}
}

// allowed are sentences of the licences that a linked module may have.
var allowed = map[string]string{
	"Apache":    "Apache License Version 2.0",
	"MIT":       "Permission is hereby granted, free of charge, to any person obtaining a copy",
	"BSD":       "Redistribution and use in source and binary forms, with or without modification, are permitted",
	"Unlicense": "This is free and unencumbered software released into the public domain",
	"FreeType":  "Use of the Freetype-Go software is subject to your choice of exactly one of the following two licenses",
}

// alone are modules with another licence that was looked at: it is no model for
// others. Creative Commons Attribution allows every use and asks for the author's
// name, which docs/dependencies.md has.
var alone = map[string]string{
	"github.com/ajstarks/svgo": "Creative Commons Attribution 4.0 International Public License",
}

// refused are words, of licences for some uses only, that none of them may have.
var refused = []string{"NonCommercial", "non-commercial use only", "non-commercial purposes only", "noncommercial", "Affero"}

// Every module that is linked into the command has a licence of the list.
func TestLicences(t *testing.T) {
	modules := linked(t, "{{with .Module}}{{.Path}} {{.Dir}}{{end}}")
	slices.Sort(modules)
	for _, line := range slices.Compact(modules) {
		path, dir, ok := strings.Cut(line, " ")
		if !ok {
			continue // of the standard library
		}
		text := licence(t, dir)
		found := alone[path] != "" && strings.Contains(text, alone[path])
		for _, sentence := range allowed {
			found = found || strings.Contains(text, sentence)
		}
		if !found {
			t.Errorf("%s has none of the licences that are allowed", path)
		}
		for _, word := range refused {
			if strings.Contains(text, word) {
				t.Errorf("the licence of %s has the word %q", path, word)
			}
		}
	}
}

// licence is the text of a module's licence files, with single spaces.
func licence(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if e.IsDir() || !strings.Contains(name, "licen") && !strings.HasPrefix(name, "copying") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, strings.Fields(strings.ReplaceAll(string(data), ">", " "))...)
	}
	return strings.Join(words, " ")
}

// Two builds in different folders give the same bytes.
func TestReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("links the command twice")
	}
	var programs [2][]byte
	for k := range programs {
		folder := t.TempDir()
		copySources(t, folder)
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "program", command)
		build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v: %s", err, said)
		}
		var err error
		if programs[k], err = os.ReadFile(filepath.Join(folder, "program")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("the programs differ")
	}
}

// copySources copies the module without its tests.
func copySources(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && d.IsDir():
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o755)
		case !d.Type().IsRegular() || d.Name() == ".git" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
