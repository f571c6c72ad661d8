package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// progress tells on a terminal's standard error what is being done, how fast and
// for how long; nothing anywhere else, and nothing of what is done at once.
type progress struct {
	con     *console // nil: silent
	palette palette

	mu    sync.Mutex
	now   moment
	began time.Time // of the stage, or of another pass of it
	told  time.Time
	first int  // that was done when it began
	steps int  // told of since
	pass  int  // of the stage
	shown bool // a line is there
}

// moment is where a stage of the work stands.
type moment struct {
	stage       string
	done, total int
	unit        string        // of done; "" where the calls are counted, as groups
	detail      string        // "" for done of total
	left        time.Duration // below 0: not known
}

// patience is how long work may go on untold.
const patience = 300 * time.Millisecond

func newProgress(c *cli.Context) *progress {
	p := &progress{}
	if con, ok := c.App.ErrWriter.(*console); ok && isTerminal(con) && !c.Bool("quiet") {
		p.con, p.palette = con, paletteFor(con)
	}
	return p
}

func (p *progress) sweep(s solver.Progress) {
	p.tell(moment{stage: "matching", done: s.Start, total: s.Starts, left: s.Left,
		detail: fmt.Sprintf("start %d of %d, sweep %d, group %s, objective %.6g", s.Start+1, s.Starts, s.Sweep+1, s.Group, s.Objective)})
}

func (p *progress) round(s solver.ManyProgress) {
	p.tell(moment{stage: "matching", left: -1,
		detail: fmt.Sprintf("%s, round %d, model %s, objective %.6g", s.Method, s.Round+1, letter(s.Model), s.Objective)})
}

func (p *progress) repair(kind repair.Kind, done, total int) {
	unit := "layers"
	if kind == repair.Distil {
		unit = "steps"
	}
	p.count("repairing by "+string(kind), unit, done, total)
}

func (p *progress) learning(epoch, epochs int, loss float64) {
	p.tell(moment{stage: "learning", unit: "epochs", done: epoch, total: epochs, left: -1, detail: fmt.Sprintf("epoch %d of %d, loss %.4f", epoch, epochs, loss)})
}

func (p *progress) samples(done, total int) { p.count("evaluating", "samples", done, total) }

func (p *progress) runs(done, total int) { p.count("verifying", "runs", done, total) }

// count tells of work that takes as long for each of its parts.
func (p *progress) count(stage, unit string, done, total int) {
	p.tell(moment{stage: stage, unit: unit, done: done, total: total, left: -1})
}

func (p *progress) tell(m moment) {
	if p.con == nil {
		return
	}
	p.mu.Lock()
	if m.stage != p.now.stage || m.done < p.now.done {
		p.began, p.first, p.steps = time.Now(), m.done, 0
		if p.pass++; m.stage != p.now.stage {
			p.pass = 1
		}
	}
	p.now, p.told = m, time.Now()
	p.steps++
	p.shown = p.shown || p.told.Sub(p.began) > patience
	show := p.shown
	p.mu.Unlock()
	if show {
		p.con.show(mpb.BarFillerFunc(p.bar), mpb.BarWidth(barWidth), mpb.BarFillerTrim(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.title() })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.text() })))
	}
}

// done takes the line away.
func (p *progress) done() {
	if p.con != nil {
		p.con.clear()
		p.mu.Lock()
		p.shown = false
		p.mu.Unlock()
	}
}

const barWidth = 12

// bar draws how much of the stage is done, where that is known.
func (p *progress) bar(w io.Writer, _ decor.Statistics) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now.total < 2 {
		return nil
	}
	full := barWidth * min(p.now.done, p.now.total) / p.now.total
	_, err := io.WriteString(w, strings.Repeat("█", full)+strings.Repeat("░", barWidth-full)+" ")
	return err
}

func (p *progress) title() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.palette.cyan(p.now.stage) + " "
}

// text is the time left, what is being done and how fast, the more important
// first: a narrow terminal cuts off the end.
func (p *progress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.now
	if m.detail == "" {
		m.detail = fmt.Sprintf("%d of %d %s", m.done, m.total, m.unit)
	}
	if p.pass > 1 && m.unit != "" {
		m.detail += fmt.Sprintf(", pass %d", p.pass)
	}
	steps := p.steps
	if m.unit != "" {
		steps = m.done - p.first
	}
	return m.text(p.told.Sub(p.began), time.Since(p.told), steps)
}

// text describes a moment, some time after a stage began of which so many steps were done since,
// and a while ago.
func (m moment) text(since, ago time.Duration, steps int) string {
	unit, left, text := m.unit, m.left, m.detail
	if unit == "" {
		unit = "groups"
	} else if steps > 0 {
		left = since / time.Duration(steps) * time.Duration(m.total-m.done)
	}
	if rate := float64(steps) / since.Seconds(); steps > 0 && since > time.Millisecond {
		format := ", %.3g %s/s"
		if rate >= 100 {
			format = ", %.0f %s/s"
		}
		text += fmt.Sprintf(format, rate, unit)
	}
	if left >= 0 {
		text = roughly(max(0, left-ago)) + " left, " + text
	}
	return text
}

// roughly is a time in the unit that suits it.
func roughly(d time.Duration) string {
	switch {
	case d < 99*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 99*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
