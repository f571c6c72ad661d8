package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/urfave/cli/v2"
	"github.com/vbauerster/mpb/v8"
)

// console is standard error. While a line of progress is shown, words stand
// above it.
type console struct {
	mu   sync.Mutex
	w    io.Writer
	bars *mpb.Progress // nil: no progress is shown
	line *mpb.Bar
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bars != nil {
		return c.bars.Write(b)
	}
	return c.w.Write(b)
}

// show puts a line at the bottom that is drawn anew several times a second.
func (c *console) show(filler mpb.BarFiller, options ...mpb.BarOption) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bars != nil {
		return
	}
	bars := mpb.New(mpb.WithOutput(c.w))
	if line, err := bars.Add(0, filler, options...); err == nil {
		c.bars, c.line = bars, line
	}
}

// clear takes the line away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bars != nil {
		c.line.Abort(true)
		c.bars.Wait()
		c.bars, c.line = nil, nil
	}
}

// printHints prints the advice of a report, unless nothing but errors is wanted.
func printHints(c *cli.Context, list []string) {
	for _, h := range list {
		if !c.Bool("quiet") {
			hint(c.App.ErrWriter, h)
		}
	}
}

// hint prints advice.
func hint(stderr io.Writer, text string) {
	fmt.Fprintf(stderr, "onnx-rebasin: %s %s\n", paletteFor(stderr).yellow("hint:"), text)
}
