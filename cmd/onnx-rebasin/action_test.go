//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is what the test needs of action.yml.
type action struct {
	Inputs map[string]struct {
		Required bool
		Default  string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			Name, ID, Uses, Shell, Run string
			Env, With                  map[string]string
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{\s*([\w.-]+)\s*\}\}`)

func readAction(t *testing.T) (a action) {
	t.Helper()
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// The action's inputs are all used and declared, its steps name their shell, and
// what users write reaches a script through its environment only.
func TestActionDeclared(t *testing.T) {
	a := readAction(t)
	if a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Fatalf("no composite action: %+v", a.Runs)
	}
	used := map[string]bool{}
	for _, s := range a.Runs.Steps {
		if (s.Uses == "") == (s.Run == "") || s.Run != "" && s.Shell == "" {
			t.Errorf("step %q %s: it is to run in a shell, or to use an action", s.Name, s.Uses)
		}
		if expression.MatchString(s.Run) {
			t.Errorf("step %q has an expression in its script", s.Name)
		}
		for _, v := range s.Env {
			for _, m := range expression.FindAllStringSubmatch(v, -1) {
				if name, ok := strings.CutPrefix(m[1], "inputs."); ok {
					used[name] = true
				}
			}
		}
	}
	for name := range a.Inputs {
		if !used[name] {
			t.Errorf("input %s is not used", name)
		}
	}
	for name := range used {
		if _, declared := a.Inputs[name]; !declared {
			t.Errorf("input %s is not declared", name)
		}
	}
}

// runAction runs the shell steps of the action as a runner would, but for the
// compiler, in place of which the test's own program is used.
func runAction(t *testing.T, inputs map[string]string) (code int, outputs, summary string) {
	t.Helper()
	a := readAction(t)
	program, err := exec.LookPath("onnx-rebasin")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	path := func(name string) string { return filepath.Join(temp, name) }
	compiler := "#!/bin/sh\n[ -f go.mod ] && [ -d ./cmd/onnx-rebasin ] && [ \"$1\" = build ] || exit 9\n" +
		"while [ \"$1\" != -o ]; do shift; done\ncp '" + program + "' \"$2\"\n"
	if err := os.WriteFile(path("go"), []byte(compiler), 0o755); err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		if name == "github.action_path" {
			return root
		}
		name = strings.TrimPrefix(name, "inputs.")
		if v, given := inputs[name]; given {
			return v
		}
		return a.Inputs[name].Default
	}
	for _, s := range a.Runs.Steps {
		if s.Run == "" {
			continue
		}
		c := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run) // as runners start bash
		c.Dir = temp
		c.Env = append(os.Environ(), "PATH="+temp+":"+os.Getenv("PATH"), "RUNNER_TEMP="+temp,
			"GITHUB_OUTPUT="+path("output"), "GITHUB_STEP_SUMMARY="+path("summary"))
		for k, v := range s.Env {
			c.Env = append(c.Env, k+"="+expression.ReplaceAllStringFunc(v, func(e string) string {
				return value(expression.FindStringSubmatch(e)[1])
			}))
		}
		if text, err := c.CombinedOutput(); err != nil {
			code = c.ProcessState.ExitCode()
			t.Logf("step %q: %v\n%s", s.Name, err, text)
		}
	}
	read := func(name string) string {
		b, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name := range a.Outputs {
		if !strings.Contains(read("output"), name+"=") {
			t.Errorf("output %s is not set", name)
		}
	}
	return code, read("output"), read("summary")
}

// The action merges, judges, and fails with the gate's name.
func TestActionRuns(t *testing.T) {
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(fixtures, name) }
	out := filepath.Join(t.TempDir(), "merged model.onnx")
	models := in("mlp/a.onnx") + "\n" + in("mlp/b.onnx") + "\n"
	code, outputs, _ := runAction(t, map[string]string{
		"models": models, "output": out, "data": in("mnist_test.npz"),
		"require": "accuracy>=0.95\nloss_barrier<=0.1\n", "max-drop": "3%", "flags": "--starts=1\n--lambda=0.4",
	})
	if _, err := os.Stat(out); code != 0 || err != nil || !strings.Contains(outputs, "passed=true") {
		t.Errorf("exit code %d, %v, outputs %q", code, err, outputs)
	}
	code, outputs, summary := runAction(t, map[string]string{
		"command": "eval", "models": in("mlp/a.onnx"), "data": in("mnist_test.npz"), "require": "accuracy>=0.9999",
	})
	if code != exitNo || !strings.Contains(outputs, "passed=false") || !strings.Contains(summary, "gate accuracy>=0.9999 fails") {
		t.Errorf("exit code %d, outputs %q, summary %q", code, outputs, summary)
	}
	code, _, summary = runAction(t, map[string]string{"command": "verify", "models": models, "flags": `--shape=$(touch injected)`})
	if code != exitUsage || !strings.Contains(summary, "cannot be read") {
		t.Errorf("exit code %d, summary %q", code, summary)
	}
}

// The container's program is the one that needs no library, and its last stage
// holds nothing else.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD"}
	var last []string
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		if !slices.Contains(known, instruction) {
			t.Errorf("%s is no instruction", instruction)
		}
		if instruction == "FROM" {
			last = nil
		}
		last = append(last, line)
		if instruction == "COPY" && !strings.Contains(rest, "--from") {
			for source := range strings.FieldsSeq(rest[:strings.LastIndex(rest, " ")]) {
				if _, err := os.Stat(filepath.Join("../..", source)); err != nil {
					t.Errorf("COPY %s: %v", source, err)
				}
			}
		}
		if instruction == "RUN" && strings.Contains(rest, "go build") && (!strings.Contains(rest, "CGO_ENABLED=0") || !strings.Contains(rest, "-tags noort")) {
			t.Error("the program is not static")
		}
	}
	want := []string{"FROM scratch", "COPY --from=build /out/ /", "USER 65532:65532", "WORKDIR /work", `ENTRYPOINT ["/onnx-rebasin"]`, `CMD ["--help"]`}
	if !slices.Equal(last, want) {
		t.Errorf("the last stage is %q", last)
	}
}
