//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// trial is one kind of disturbance; run says what came of it.
type trial struct {
	name string
	run  func() string
}

func (b *bench) trials(kills, signals int) []trial {
	return []trial{
		{fmt.Sprintf("kill -9, %d times", kills), func() string { return b.signalled(kills, syscall.SIGKILL) }},
		{fmt.Sprintf("SIGINT, %d times", signals), func() string { return b.signalled(signals, syscall.SIGINT) }},
		{fmt.Sprintf("SIGTERM, %d times", signals), func() string { return b.signalled(signals, syscall.SIGTERM) }},
		{"8 runs at once, 3 times", func() string { return b.together(3, 8) }},
		{"full disk", b.fullDisk},
		{"folder that may not be written to", b.readOnly},
		{"standard output closed or full", b.closedOutput},
		{"output is an input, also by links", b.overInput},
	}
}

// verdict is a trial's result in words.
func verdict(err error, good string, args ...any) string {
	if err != nil {
		return "FAILED: " + err.Error()
	}
	return fmt.Sprintf(good, args...)
}

// signalled sends runs a signal at random moments of their time.
func (b *bench) signalled(times int, sig syscall.Signal) string {
	ended, changed, litter := 0, 0, 0
	last, _ := weights(b.model())
	for range times {
		cmd := b.merge(b.lambda())
		if err := cmd.Start(); err != nil {
			return verdict(err, "")
		}
		time.Sleep(time.Duration(b.rng.Int64N(int64(b.takes * 5 / 4))))
		cmd.Process.Signal(sig)
		if cmd.Wait() != nil {
			ended++
		}
		if err := b.sound(); err != nil {
			return verdict(fmt.Errorf("after signal %v: %w", sig, err), "")
		}
		if now, _ := weights(b.model()); now != last {
			changed, last = changed+1, now
		}
		for _, f := range b.files() {
			if strings.HasSuffix(f, ".tmp") {
				litter++
				break
			}
		}
	}
	if sig != syscall.SIGKILL && litter > 0 {
		return verdict(fmt.Errorf("%d runs left temporary files", litter), "")
	}
	return verdict(b.tidy(), "%d ended by it, the output changed %d times, %d left temporary files, all gone after the next run", ended, changed, litter)
}

// together starts several runs onto one output at the same time.
func (b *bench) together(times, n int) string {
	for range times {
		var runs []*exec.Cmd
		for range n {
			cmd := b.merge(b.lambda())
			if err := cmd.Start(); err != nil {
				return verdict(err, "")
			}
			runs = append(runs, cmd)
		}
		for _, cmd := range runs {
			if err := cmd.Wait(); err != nil {
				return verdict(err, "")
			}
		}
		if err := b.sound(); err != nil {
			return verdict(err, "")
		}
	}
	return verdict(b.tidy(), "the output is that of one of them")
}

// fullDisk writes onto disks that are too small by more and less.
func (b *bench) fullDisk() string {
	size := int64(0)
	for p := range b.inputs {
		if info, err := os.Stat(p); err == nil && strings.HasPrefix(filepath.Base(p), "a.") {
			size += info.Size()
		}
	}
	disk := filepath.Join(filepath.Dir(b.out), "disk")
	if err := os.MkdirAll(disk, 0o777); err != nil {
		return verdict(err, "")
	}
	refused := 0
	for percent := int64(0); percent <= 190; percent += 10 {
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", max(4096, size*percent/100))); err != nil {
			return "not tried: a tmpfs cannot be mounted: " + err.Error()
		}
		small := *b
		small.out, small.page = disk, false
		err := small.merge("0.3").Run()
		left := small.files()
		var got string
		if err == nil {
			got, err = weights(small.model())
			if err == nil && b.versions[got] != "0.3" {
				err = errors.New("what fits is not the whole output")
			}
		} else {
			refused++
			if err = nil; len(left) > 0 {
				err = fmt.Errorf("on a disk of %d %% is left: %q", percent, left)
			}
		}
		if e := unix.Unmount(disk, 0); err == nil {
			err = e
		}
		if err != nil {
			return verdict(err, "")
		}
	}
	if refused == 0 || refused == 20 {
		return verdict(fmt.Errorf("%d of 20 sizes were too small", refused), "")
	}
	return verdict(b.sound(), "%d of 20 sizes were too small; those failed and left nothing", refused)
}

// readOnly runs as a user who may not write to the folder.
func (b *bench) readOnly() string {
	if os.Getuid() != 0 {
		return "not tried: the user cannot be changed"
	}
	before := fmt.Sprint(b.files())
	cmd := b.merge("0.6")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err == nil {
		return verdict(errors.New("it was written to"), "")
	}
	if !bytes.Contains(out, []byte("permission denied")) || before != fmt.Sprint(b.files()) {
		return verdict(fmt.Errorf("%q, files %q", out, b.files()), "")
	}
	return verdict(b.sound(), "refused: %s", bytes.TrimSpace(bytes.SplitN(out, []byte("\n"), 2)[0]))
}

// closedOutput runs with standard output closed, full and a pipe nobody reads.
func (b *bench) closedOutput() string {
	for _, redirect := range []string{">&-", ">/dev/full", "| true", ">&- 2>&- <&-"} {
		lambda := b.lambda()
		args := append([]string{"-c", `"$@" ` + redirect, "sh"}, b.merge(lambda).Args...)
		args = append(args, "--quiet=false")
		exec.Command("/bin/sh", args...).Run() // it may fail, once the output is there
		if err := b.sound(); err != nil {
			return verdict(fmt.Errorf("%s: %w", redirect, err), "")
		}
	}
	return verdict(b.tidy(), "the output is the old one or the new one")
}

// overInput asks for an output that is an input.
func (b *bench) overInput() string {
	a := filepath.Join(b.in, "a.onnx")
	names := []string{a}
	soft, hard := filepath.Join(b.out, "soft.onnx"), filepath.Join(b.out, "hard.onnx")
	defer os.Remove(soft)
	defer os.Remove(hard)
	if os.Symlink(a, soft) == nil {
		names = append(names, soft)
	}
	if os.Link(a, hard) == nil {
		names = append(names, hard)
	}
	for _, name := range names {
		cmd := b.merge("0.3")
		for i, arg := range cmd.Args {
			if arg == b.model() {
				cmd.Args[i] = name
			}
		}
		if cmd.Run() == nil {
			return verdict(fmt.Errorf("%s was replaced", name), "")
		}
	}
	return verdict(b.sound(), "%d names refused", len(names))
}
