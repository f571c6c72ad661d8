package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// build compiles the command of a checkout.
func build(checkout, program string, t target, env ...string) error {
	args := []string{"build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w -buildid=", "-tags=" + t.tags, "-o", program, "./cmd/" + name}
	c := exec.Command("go", args...)
	c.Dir = checkout
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.goos, "GOARCH="+t.goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	c.Env = append(c.Env, env...)
	return run(c)
}

// rebuild builds a program a second time, elsewhere and from nothing, and reports
// whether it comes out as before.
func rebuild(program, work string, t target) error {
	checkout := filepath.Join(work, "elsewhere", "checkout")
	if err := run(exec.Command("git", "clone", "--quiet", ".", checkout)); err != nil {
		return err
	}
	again := filepath.Join(work, "again", t.program())
	if err := build(checkout, again, t, "GOCACHE="+filepath.Join(work, "cache")); err != nil {
		return err
	}
	first, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	second, err := os.ReadFile(again)
	if err != nil {
		return err
	}
	if !bytes.Equal(first, second) {
		return fmt.Errorf("%s/%s: built twice, the program has other bytes", t.goos, t.goarch)
	}
	return nil
}

// readInfo reads what the compiler has written into a program.
func readInfo(program string) (*buildinfo.BuildInfo, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	if strings.Contains(info.Main.Version, "dirty") {
		return nil, errors.New("the checkout has changes that are not committed")
	}
	return info, nil
}

// companions are the files that an archive has beside the program: the manual
// and the completions are what a program for this machine prints.
func companions(info *buildinfo.BuildInfo) ([]entry, error) {
	var out []entry
	for _, path := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		out = append(out, entry{path, 0o644, b})
	}
	licences, err := thirdParty(info)
	if err != nil {
		return nil, err
	}
	out = append(out, entry{"THIRD-PARTY.txt", 0o644, licences})
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	here := target{goos: runtime.GOOS, goarch: runtime.GOARCH}
	program := filepath.Join(dir, here.program())
	if err := build(".", program, here); err != nil {
		return nil, err
	}
	for _, f := range [][]string{{name + ".1", "man"}, {"completions/" + name + ".bash", "completion", "bash"},
		{"completions/_" + name, "completion", "zsh"}, {"completions/" + name + ".fish", "completion", "fish"}} {
		text, err := exec.Command(program, f[1:]...).Output()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, strings.Join(f[1:], " "), err)
		}
		out = append(out, entry{f[0], 0o644, text})
	}
	return out, nil
}

// thirdParty gathers the licences of the modules that a program is made of.
func thirdParty(info *buildinfo.BuildInfo) ([]byte, error) {
	var out bytes.Buffer
	for _, m := range info.Deps {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m.Path).Output()
		if err != nil {
			return nil, fmt.Errorf("go list -m %s: %w", m.Path, err)
		}
		var found []string
		for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "UNLICENSE*", "NOTICE*"} {
			names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
			if err != nil {
				return nil, err
			}
			found = append(found, names...)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no licence", m.Path)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&out, "== %s %s: %s\n\n%s\n\n", m.Path, m.Version, filepath.Base(path), bytes.TrimSpace(text))
		}
	}
	return out.Bytes(), nil
}

// run runs a command and has its error say what it printed.
func run(c *exec.Cmd) error {
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, text)
	}
	return nil
}
