//go:build unix

package main

import (
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// onTerminal runs work with standard error on a terminal of 80 columns, and returns what
// the terminal got.
func onTerminal(t *testing.T, work func(con *console)) string {
	t.Helper()
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error when the terminal is closed
		got <- string(b)
	}()
	work(&console{w: terminal})
	terminal.Close()
	defer master.Close()
	return <-got
}

// TestProgressOnTerminal shows the line while the work lasts, keeps words above
// it, and takes it away.
func TestProgressOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	show := func(con *console) {
		p := &progress{con: con, palette: paletteFor(con)}
		s := solver.Progress{Start: 1, Starts: 4, Sweep: 2, Group: "conv", Objective: 12.5, Left: time.Minute}
		p.sweep(s)
		p.began = p.began.Add(-2 * time.Second)
		p.sweep(s)
		time.Sleep(400 * time.Millisecond) // drawn every 150 ms
		hint(con, "a word")
		time.Sleep(400 * time.Millisecond)
		p.done()
	}
	text := onTerminal(t, show)
	for _, want := range []string{
		"\x1b[36mmatching\x1b[0m ███░░░░░░░░░ 60 s left, start 2 of 4, sweep 3, group conv, objective",
		"onnx-rebasin: \x1b[33mhint:\x1b[0m a word",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal got %q, want %q in it", text, want)
		}
	}
	if last := text[strings.LastIndex(text, "\x1b[J")+1:]; strings.Contains(last, "matching") {
		t.Errorf("the line stays: %q", last)
	}
	t.Setenv("NO_COLOR", "1")
	colour := regexp.MustCompile(`\x1b\[\d*m`)
	if text := onTerminal(t, show); !strings.Contains(text, "matching ███") || colour.MatchString(text) {
		t.Errorf("NO_COLOR: the terminal got %q", text)
	}
	t.Setenv("TERM", "dumb")
	onTerminal(t, func(con *console) {
		if isTerminal(con) {
			t.Error("a dumb terminal cannot move its cursor")
		}
	})
}

// TestProgressOfRepairs tells passes apart, and what is left of each by what was done in it.
func TestProgressOfRepairs(t *testing.T) {
	t.Setenv("TERM", "xterm")
	text := onTerminal(t, func(con *console) {
		p := &progress{con: con}
		for pass := range 2 {
			p.repair(repair.LSQ, 0, 4)
			p.began = p.began.Add(-2 * time.Second)
			p.repair(repair.LSQ, 1, 4)
			if pass == 0 {
				p.repair(repair.LSQ, 3, 4)
			}
		}
		time.Sleep(400 * time.Millisecond)
		p.repair(repair.Distil, 0, 400)
		time.Sleep(400 * time.Millisecond)
		p.done()
	})
	for _, want := range []string{"6 s left, 1 of 4 layers, pass 2, 0.5 layers/s", "0 of 400 steps"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal got %q, want %q in it", text, want)
		}
	}
}

// TestQuick shows nothing of what is done at once.
func TestQuick(t *testing.T) {
	t.Setenv("TERM", "xterm")
	text := onTerminal(t, func(con *console) {
		p := &progress{con: con}
		p.samples(1, 2)
		p.samples(2, 2)
		p.done()
	})
	if text != "" {
		t.Errorf("the terminal got %q", text)
	}
}

// TestColoursOnTerminal runs the whole program on a terminal, with and without
// colours.
func TestColoursOnTerminal(t *testing.T) {
	for _, env := range []struct {
		set    string
		colour bool
	}{{"NO_COLOR=", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}} {
		c := exec.Command("onnx-rebasin", "merge", "nowhere.onnx", "nowhere.onnx", "-o", "m.onnx")
		c.Env = append(c.Environ(), "TERM=xterm", env.set)
		f, err := pty.Start(c)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(f)
		c.Wait()
		f.Close()
		if got := strings.Contains(string(text), "\x1b[1;31merror:\x1b[0m"); got != env.colour || !strings.Contains(string(text), "error:") {
			t.Errorf("%s: %q", env.set, text)
		}
	}
}
