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
	began time.Time // of the stage
	told  time.Time
	steps int // told of in the stage
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
	p.count("repairing by "+string(kind), "layers", done, total)
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
		p.began, p.steps = time.Now(), 0
	}
	p.now, p.told = m, time.Now()
	p.steps++
	late := p.told.Sub(p.began) > patience
	p.mu.Unlock()
	if late {
		p.con.show(mpb.BarFillerFunc(p.bar), mpb.BarWidth(barWidth), mpb.BarFillerTrim(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.title() })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.text() })))
	}
}

// done takes the line away.
func (p *progress) done() {
	if p.con != nil {
		p.con.clear()
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
	return p.now.text(p.told.Sub(p.began), time.Since(p.told), p.steps)
}

// text describes a moment, some time after a stage began in which it was told of
// so many times, and a while ago.
func (m moment) text(since, ago time.Duration, steps int) string {
	unit, left, detail := m.unit, m.left, m.detail
	if unit == "" {
		unit = "groups"
	} else {
		steps = m.done
		if steps > 0 {
			left = since / time.Duration(steps) * time.Duration(m.total-m.done)
		}
	}
	if detail == "" {
		detail = fmt.Sprintf("%d of %d %s", m.done, m.total, unit)
	}
	rate := float64(steps) / since.Seconds()
	text := fmt.Sprintf("%s, %.3g %s/s", detail, rate, unit)
	if rate >= 100 {
		text = fmt.Sprintf("%s, %.0f %s/s", detail, rate, unit)
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
