package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagGroups are the headings under which help lists flags, in order. What is in
// none is advanced.
var flagGroups = []struct {
	name  string
	flags string
}{
	{"output", "output force json quiet report report-group matrix plot csv dot why require max-drop"},
	{"matching", "lambda weights many reference method seed starts effort max-time"},
	{"data", "data labels calib repair train-data points limit loss"},
}

const advanced = "advanced"

// option is a flag as help, completion and the manual show it.
type option struct {
	names []string // without dashes, the long one first
	value string   // what its value is called, "" for a switch
	usage string
	def   string // the default, "" for none
	words []string
	file  bool // the value is a file's name
}

// choices lists the words that a flag takes, for completion.
var choices = map[string]string{
	"method": "weight activation ste zip none", "symmetry": "none scale orthogonal all", "effort": "fast default max", "normalize": "none layer unit", "backend": "auto onnx-go onnxruntime",
	"many": "star mean joint", "repair": "none auto bn rescale lsq distil", "loss": "logits probabilities log-probabilities binary binary-logits mse",
}

// optionOf reads a flag.
func optionOf(f cli.Flag) option {
	d := f.(cli.DocGenerationFlag)
	o := option{names: f.Names(), usage: d.GetUsage()}
	slices.SortStableFunc(o.names, func(a, b string) int { return len(b) - len(a) })
	if d.TakesValue() {
		o.value = "VALUE"
		if parts := strings.Split(o.usage, "`"); len(parts) == 3 {
			o.value, o.usage = parts[1], strings.Join(parts, "")
		}
		o.file = strings.HasSuffix(o.value, "FILE") || o.value == "PATH"
	}
	switch v := d.GetValue(); v {
	case "", "0", "0s", "false", "[]":
	default:
		o.def = v
	}
	o.words = strings.Fields(choices[o.names[0]])
	return o
}

// dashes is "-o, --output FILE"; a long name alone is indented to stand under
// the others.
func (o option) dashes() string {
	text := "    --" + o.names[0]
	if len(o.names) > 1 {
		text = "-" + o.names[1] + ", --" + o.names[0]
	}
	if o.value != "" {
		text += " " + o.value
	}
	return text
}

// grouped sorts the flags of a command under their headings.
func grouped(flags []cli.Flag) map[string][]option {
	out := map[string][]option{}
	for _, f := range flags {
		o := optionOf(f)
		if o.names[0] == "help" {
			continue
		}
		name := advanced
		for _, g := range flagGroups {
			if slices.Contains(strings.Fields(g.flags), o.names[0]) {
				name = g.name
			}
		}
		out[name] = append(out[name], o)
	}
	return out
}

// headings are the names of the groups in order.
func headings() []string {
	var out []string
	for _, g := range flagGroups {
		out = append(out, g.name)
	}
	return append(out, advanced)
}

// usageOf takes a command's UsageText apart: how it is called, and the example.
func usageOf(c *cli.Command) (calls []string, example string) {
	text, example, _ := strings.Cut(c.UsageText, "Example: ")
	return strings.Split(strings.TrimSpace(text), "\n"), strings.TrimSpace(example)
}

// commandHelp is what COMMAND --help prints.
func commandHelp(c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", c.Name, c.Usage)
	calls, example := usageOf(c)
	for _, call := range calls {
		fmt.Fprintf(&b, "  %s\n", call)
	}
	if example != "" {
		fmt.Fprintf(&b, "\nexample\n  %s\n", example)
	}
	groups := grouped(c.Flags)
	for _, name := range headings() {
		if len(groups[name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", name)
		for _, o := range groups[name] {
			usage := o.usage
			if o.def != "" {
				usage += " (default " + o.def + ")"
			}
			entry(&b, flagColumn, o.dashes(), usage)
		}
	}
	return b.String()
}

const (
	helpWidth  = 100
	flagColumn = 26 // where explanations of flags begin
	nameColumn = 14
)

// entry writes a name with its explanation beside it, or below where the name is
// long, wrapped.
func entry(b *strings.Builder, column int, name, text string) {
	width := func(s string) int { return len([]rune(s)) }
	line := "  " + name
	if width(line) > column-2 {
		fmt.Fprintln(b, line)
		line = ""
	}
	line += strings.Repeat(" ", column-width(line))
	for word := range strings.FieldsSeq(text) {
		if width(line) > column && width(line)+1+width(word) > helpWidth {
			fmt.Fprintln(b, line)
			line = strings.Repeat(" ", column)
		}
		if width(line) > column {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(b, strings.TrimRight(line, " "))
}

// appHelp is what --help prints: it fits a screen.
func appHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n  %s\n\ncommands\n", app.Name, app.Usage, app.UsageText)
	for _, c := range app.Commands {
		entry(&b, nameColumn, c.Name, c.Usage)
	}
	fmt.Fprint(&b, "\nflags of merge (COMMAND --help explains those of each)\n")
	groups := grouped(app.Command("merge").Flags)
	for _, name := range headings() {
		var names []string
		for _, o := range groups[name] {
			names = append(names, "--"+o.names[0])
		}
		entry(&b, nameColumn, name, strings.Join(names, " "))
	}
	fmt.Fprint(&b, "\nexample\n  onnx-rebasin merge a.onnx b.onnx -o merged.onnx --data test.npz\n")
	return b.String()
}

// withHelp gives an app and its commands their help. The library prints it as a
// template, so that braces are written as text.
func withHelp(app *cli.App) {
	plain := func(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }
	for _, c := range app.Commands {
		c.CustomHelpTemplate = plain(commandHelp(c))
	}
	app.CustomAppHelpTemplate = plain(appHelp(app))
}
