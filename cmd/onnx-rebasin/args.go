package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// interspersed moves the flags of a command before its file names, because the
// flag parser stops at the first file name. Everything after "--" is a file.
// "help COMMAND" is "COMMAND --help".
func interspersed(app *cli.App, args []string) []string {
	if len(args) > 0 && args[0] == "help" {
		return append(args[1:], "--help")
	}
	for i, a := range args {
		if c := app.Command(a); c != nil {
			return append(append([]string{}, args[:i+1]...), reorder(c, args[i+1:])...)
		}
		if !strings.HasPrefix(a, "-") {
			break
		}
	}
	return args
}

// reorder puts flags, with their values, before files. A flag that lacks its
// value comes last, for the parser to say so.
func reorder(c *cli.Command, args []string) []string {
	takesValue := map[string]bool{}
	for _, f := range c.Flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, n := range f.Names() {
			takesValue[n] = !isBool
		}
	}
	isFlag := func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		_, known := takesValue[name]
		return known && strings.HasPrefix(a, "--")
	}
	var flags, files []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			files = append(files, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			files = append(files, a)
			continue
		}
		flags = append(flags, a)
		if !takesValue[strings.TrimLeft(a, "-")] {
			continue
		}
		if i++; i == len(args) || args[i] == "--" || isFlag(args[i]) {
			return flags
		}
		flags = append(flags, args[i])
	}
	return append(append(flags, "--"), files...)
}

// usageFailed words what the flag parser found wrong.
func usageFailed(c *cli.Context, err error, isCommand bool) error {
	command, flags := "onnx-rebasin", c.App.Flags
	if isCommand {
		command, flags = command+" "+c.Command.Name, c.Command.Flags
	}
	text, hint := err.Error(), command+" --help lists the flags"
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		var names []string
		for _, f := range flags {
			names = append(names, f.Names()...)
		}
		if near := nearest(name, names); near != "" {
			hint = "did you mean " + dashed(near) + "? " + hint
		}
		return hinted{usagef("%s has no flag %s", command, dashed(name)), hint}
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return hinted{usagef("%s wants a value", dashed(name)), hint}
	}
	if names, ok := strings.CutPrefix(text, "Cannot use two forms of the same flag: "); ok {
		one, other, _ := strings.Cut(names, " ")
		return hinted{usagef("%s and %s are one flag, to be given once", dashed(one), dashed(other)), hint}
	}
	if rest, ok := strings.CutPrefix(text, "invalid "); ok {
		if value, name, ok := strings.Cut(rest, " for "); ok {
			name = strings.TrimPrefix(name, "flag ")
			name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), ":")
			if name == "max-time" {
				hint = "write 30s, 5m or 1h"
			}
			return hinted{usagef("%s cannot be %s", dashed(name), value[strings.Index(value, `"`):]), hint}
		}
	}
	return hinted{usageError{err}, hint}
}

func noCommand(c *cli.Context) error {
	name, hint := c.Args().First(), "onnx-rebasin --help lists the commands"
	var names []string
	for _, k := range c.App.Commands {
		names = append(names, k.Name)
	}
	if near := nearest(name, names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return hinted{usageError{errors.New("there is no command \"" + name + "\"")}, hint}
}

func dashed(flag string) string {
	if len(flag) == 1 {
		return "-" + flag
	}
	return "--" + flag
}

// likeness is how alike two words have to be, from 0 to 1, for one to be taken
// for a slip of the other. "labda" and "lambda" have .94.
const likeness = 0.8

// nearest returns the word most like another, "" when none is.
func nearest(word string, words []string) string {
	best, found := likeness, ""
	for _, w := range words {
		// 0.7 and 4 are Winkler's own constants.
		if l := smetrics.JaroWinkler(w, word, 0.7, 4); l > best {
			best, found = l, w
		}
	}
	return found
}
