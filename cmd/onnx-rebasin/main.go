// Command onnx-rebasin merges trained networks as ONNX files: it lines the
// hidden units of one up with those of the other, proves that nothing changed by
// that, and averages the weights.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Exit codes: a check that says no is neither a failure nor wrong usage.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitNo     = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments. args are those after the
// program's name.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	con := &console{w: stderr}
	ctx, done := interruptible(con)
	defer done()
	app := newApp(stdin, stdout, con)
	app.Metadata = map[string]any{"arguments": args}
	err := caught(func() error {
		return app.RunContext(ctx, append([]string{app.Name}, interspersed(app, args)...))
	})
	con.clear()
	return report(con, err)
}

// caught is the error of work, or its panic as one.
func caught(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = hinted{fmt.Errorf("internal fault: %v", r), "this is a mistake of onnx-rebasin: please report it with the command and the files"}
		}
	}()
	return work()
}

// answerNo is a check that said no: not equivalent, architectures differ, a
// gate missed.
type answerNo struct{ error }

func (a answerNo) Unwrap() error { return a.error }

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// report prints err as one sentence and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "onnx-rebasin: stopped; nothing was written")
		return exitFailed
	}
	fmt.Fprintf(stderr, "onnx-rebasin: %s %s\n", paletteFor(stderr).red("error:"), sentence(err))
	var h hinted
	if errors.As(err, &h) {
		hint(stderr, h.hint)
	}
	var budget *exec.BudgetError
	if errors.As(err, &budget) && budget.Memory {
		hint(stderr, "--max-memory GB allows more")
	}
	var wide *solver.MemoryError
	if errors.As(err, &wide) {
		hint(stderr, "--freeze keeps units in place; --max-memory GB allows more")
	}
	var no answerNo
	var usage usageError
	switch {
	case errors.As(err, &no):
		return exitNo
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// sentence puts an error on one line.
func sentence(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:            "onnx-rebasin",
		Usage:           "merge trained networks as ONNX files",
		UsageText:       "onnx-rebasin COMMAND [flags] FILE…    flags stand before or after the files",
		HideHelpCommand: true,
		Version:         version(),
		Reader:          stdin,
		Writer:          stdout,
		ErrWriter:       stderr,
		Suggest:         true,
		Commands: []*cli.Command{
			mergeCommand(), alignCommand(), inspectCommand(), permuteCommand(), verifyCommand(), diffCommand(), evalCommand(), barrierCommand(), zooCommand(), doctorCommand(), demoCommand(), completionCommand(), manCommand(),
		},
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   usageFailed,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return noCommand(c)
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError, c.Before = usageFailed, together
		c.HideHelpCommand = true
	}
	withHelp(app)
	return app
}
