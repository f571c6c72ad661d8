package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// progress is one line on a terminal's standard error, rewritten a few times a
// second; nothing anywhere else.
type progress struct {
	mu   sync.Mutex
	w    io.Writer // nil: silent
	last time.Time
	used bool
}

func newProgress(c *cli.Context) *progress {
	p := &progress{}
	if f, ok := c.App.ErrWriter.(*os.File); ok && !c.Bool("quiet") && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

func (p *progress) sweep(s solver.Progress) {
	left := ""
	if s.Left >= 0 {
		left = fmt.Sprintf(", at most %v left", s.Left.Round(time.Second))
	}
	p.line("matching: start %d, sweep %d, group %s, objective %.6g%s", s.Start+1, s.Sweep+1, s.Group, s.Objective, left)
}

func (p *progress) round(s solver.ManyProgress) {
	p.line("matching (%s): round %d, model %s, objective %.6g", s.Method, s.Round+1, letter(s.Model), s.Objective)
}

func (p *progress) repair(kind repair.Kind, done, total int) {
	p.line("repairing (%s): %d of %d", kind, done, total)
}

func (p *progress) samples(done, total int) {
	p.line("evaluating: %d of %d samples", done, total)
}

func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.used = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
}

// done clears the line.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.used = false
	}
}
