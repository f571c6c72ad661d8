package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:  "completion",
		Usage: "print the completion script of a shell: bash, zsh or fish",
		UsageText: "onnx-rebasin completion bash|zsh|fish\n\n" +
			"Example: source <(onnx-rebasin completion bash)",
		Action: func(c *cli.Context) error {
			scripts := map[string]func(io.Writer, *cli.App){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			shell := c.Args().First()
			script := scripts[shell]
			if c.NArg() != 1 || script == nil {
				return hinted{usagef("completion takes the name of a shell, not %q", strings.Join(c.Args().Slice(), " ")), "onnx-rebasin completion bash, zsh or fish"}
			}
			script(c.App.Writer, c.App)
			return nil
		},
	}
}

func commandNames(app *cli.App) string {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// optionsOf lists the flags of a command.
func optionsOf(c *cli.Command) []option {
	var out []option
	for _, f := range c.Flags {
		out = append(out, optionOf(f))
	}
	return out
}

func bashCompletion(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, `_onnx_rebasin() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "%s --help --version" -- "$current"))
    return
  fi
  case $before in
`, commandNames(app))
	seen := map[string]bool{}
	for _, c := range app.Commands {
		for _, o := range optionsOf(c) {
			if len(o.words) > 0 && !seen[o.names[0]] {
				seen[o.names[0]] = true
				fmt.Fprintf(w, "    --%s) COMPREPLY=($(compgen -W \"%s\" -- \"$current\")); return ;;\n", o.names[0], strings.Join(o.words, " "))
			}
		}
	}
	fmt.Fprint(w, "    completion) COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$current\")); return ;;\n  esac\n  case $current in\n  -*)\n    case ${COMP_WORDS[1]} in\n")
	for _, c := range app.Commands {
		var flags []string
		for _, o := range optionsOf(c) {
			flags = append(flags, "--"+o.names[0])
		}
		fmt.Fprintf(w, "    %s) COMPREPLY=($(compgen -W \"%s\" -- \"$current\")) ;;\n", c.Name, strings.Join(flags, " "))
	}
	fmt.Fprint(w, "    esac\n    return ;;\n  esac\n  COMPREPLY=($(compgen -f -- \"$current\"))\n}\ncomplete -o filenames -F _onnx_rebasin onnx-rebasin\n")
}

func zshCompletion(w io.Writer, app *cli.App) {
	quote := strings.NewReplacer("'", "'\\''", "[", "(", "]", ")", ":", "\\:", "`", "")
	fmt.Fprint(w, "#compdef onnx-rebasin\n_onnx_rebasin() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n")
	for _, c := range app.Commands {
		fmt.Fprintf(w, "      '%s:%s'\n", c.Name, quote.Replace(c.Usage))
	}
	fmt.Fprint(w, "    )\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n")
	for _, c := range app.Commands {
		fmt.Fprintf(w, "  %s) _arguments \\\n", c.Name)
		for _, o := range optionsOf(c) {
			action := ""
			switch {
			case len(o.words) > 0:
				action = ":" + o.names[0] + ":(" + strings.Join(o.words, " ") + ")"
			case o.file:
				action = ":file:_files"
			case o.value != "":
				action = ":" + quote.Replace(o.value) + ": "
			}
			fmt.Fprintf(w, "    '*--%s[%s]%s' \\\n", o.names[0], quote.Replace(o.usage), action)
		}
		files := "*:file:_files"
		if c.Name == "completion" {
			files = "*:shell:(bash zsh fish)"
		}
		fmt.Fprintf(w, "    '%s' ;;\n", files)
	}
	fmt.Fprint(w, "  esac\n}\ncompdef _onnx_rebasin onnx-rebasin\n")
}

func fishCompletion(w io.Writer, app *cli.App) {
	quote := strings.NewReplacer("\\", "\\\\", "'", "\\'", "`", "")
	for _, c := range app.Commands {
		fmt.Fprintf(w, "complete -c onnx-rebasin -n __fish_use_subcommand -f -a %s -d '%s'\n", c.Name, quote.Replace(c.Usage))
		for _, o := range optionsOf(c) {
			fmt.Fprintf(w, "complete -c onnx-rebasin -n '__fish_seen_subcommand_from %s' -l %s", c.Name, o.names[0])
			if len(o.names) > 1 {
				fmt.Fprintf(w, " -s %s", o.names[1])
			}
			switch {
			case len(o.words) > 0:
				fmt.Fprintf(w, " -x -a '%s'", strings.Join(o.words, " "))
			case o.file:
				fmt.Fprint(w, " -r -F")
			case o.value != "":
				fmt.Fprint(w, " -x")
			}
			fmt.Fprintf(w, " -d '%s'\n", quote.Replace(o.usage))
		}
	}
	fmt.Fprint(w, "complete -c onnx-rebasin -n '__fish_seen_subcommand_from completion' -x -a 'bash zsh fish'\n")
}
