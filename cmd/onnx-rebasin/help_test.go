package main

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func helpApp() *cli.App { return newApp(strings.NewReader(""), io.Discard, io.Discard) }

// The first help fits a screen; every command explains each of its flags and has
// an example, and so do the manual and the completions.
func TestHelp(t *testing.T) {
	app := helpApp()
	if n := strings.Count(appHelp(app), "\n"); n > 36 {
		t.Errorf("the help has %d lines", n)
	}
	var man, bash, zsh, fish strings.Builder
	manual(&man, app)
	bashCompletion(&bash, app)
	zshCompletion(&zsh, app)
	fishCompletion(&fish, app)
	for _, c := range app.Commands {
		help := commandHelp(c)
		if !strings.Contains(help, "\nexample\n  onnx-rebasin "+c.Name) && !strings.Contains(help, "\nexample\n  source <(onnx-rebasin "+c.Name) {
			t.Errorf("%s has no example", c.Name)
		}
		for _, f := range c.Flags {
			name := optionOf(f).names[0]
			for where, text := range map[string]string{"help": help, "bash": bash.String(), "zsh": zsh.String(), "manual": strings.ReplaceAll(man.String(), `\-`, "-")} {
				if !strings.Contains(text, "--"+name) {
					t.Errorf("the %s of %s does not know --%s", where, c.Name, name)
				}
			}
			if !strings.Contains(fish.String(), " -l "+name+" ") {
				t.Errorf("fish does not know --%s", name)
			}
		}
		for line := range strings.Lines(help + appHelp(app)) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > helpWidth {
				t.Errorf("a line of %d characters: %s", n, line)
			}
		}
	}
}

// Completions are taken by the shells they are for, and bash completes.
func TestCompletion(t *testing.T) {
	app := helpApp()
	for shell, script := range map[string]func(io.Writer, *cli.App){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		var text strings.Builder
		script(&text, app)
		c := exec.Command(shell, "-n")
		c.Stdin = strings.NewReader(text.String())
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
		if shell != "bash" {
			continue
		}
		for line, want := range map[string]string{"al": "align", "merge --lam": "--lambda", "merge --method act": "activation", "completion fi": "fish"} {
			words := strings.Fields(line)
			c := exec.Command("bash", "--norc", "-c", text.String()+`
COMP_WORDS=(onnx-rebasin `+line+`); COMP_CWORD=`+string(rune('0'+len(words)))+`; _onnx_rebasin; echo "${COMPREPLY[*]}"`)
			out, err := c.Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("%q is completed to %q (%v), want %q", line, got, err, want)
			}
		}
	}
}
