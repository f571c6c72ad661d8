package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "print the manual page",
		UsageText: "onnx-rebasin man\n\nExample: onnx-rebasin man | man -l -",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usagef("man takes no files")
			}
			manual(c.App.Writer, c.App)
			return nil
		},
	}
}

// roff writes text as the man macros want it.
var roff = strings.NewReplacer("\\", "\\e", "-", "\\-", "\n.", "\n\\&.", "`", "")

// manual writes a page in the man macros.
func manual(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, ".TH ONNX-REBASIN 1 \"\" \"%s\"\n.SH NAME\nonnx\\-rebasin \\- %s\n.SH SYNOPSIS\n.B onnx\\-rebasin\n.I COMMAND\n[flags] FILE...\n",
		roff.Replace(app.Version), roff.Replace(app.Usage))
	fmt.Fprint(w, ".SH DESCRIPTION\n"+roff.Replace(`Lines the hidden units of trained networks up with each other, checks that nothing changed by that, and averages
the weights. Models are ONNX files of one architecture. Flags stand before or after the files. Standard output carries only
the product; errors, hints and progress go to standard error.
`)+".SH COMMANDS\n")
	for _, c := range app.Commands {
		calls, example := usageOf(c)
		fmt.Fprintf(w, ".SS %s\n%s.\n", c.Name, roff.Replace(c.Usage))
		for _, call := range calls {
			fmt.Fprintf(w, ".PP\n.RS 4\n.B %s\n.RE\n", roff.Replace(call))
		}
		groups := grouped(c.Flags)
		for _, name := range headings() {
			for _, o := range groups[name] {
				text := o.usage
				if o.def != "" {
					text += " (default " + o.def + ")"
				}
				fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff.Replace(strings.TrimSpace(o.dashes())), roff.Replace(text))
			}
		}
		if example != "" {
			fmt.Fprintf(w, ".PP\nExample:\n.PP\n.RS 4\n%s\n.RE\n", roff.Replace(example))
		}
	}
	fmt.Fprint(w, ".SH EXIT STATUS\n")
	for _, e := range []struct {
		code int
		what string
	}{
		{exitDone, "done"}, {exitFailed, "failed"}, {exitUsage, "wrong usage"},
		{exitNo, "a check said no: the models do not compute the same, or differ in architecture"},
	} {
		fmt.Fprintf(w, ".TP\n.B %d\n%s\n", e.code, roff.Replace(e.what))
	}
}
