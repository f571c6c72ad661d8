package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The sessions of the README print what it says: the same words, and numbers
// within a twentieth. Times and what rounding decides are whatever they are.
func TestReadmeSessions(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	sessions := 0
	for _, block := range strings.Split(string(text), "```")[1:] {
		var command, want []string
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			args, isCommand := strings.CutPrefix(line, "$ ")
			switch {
			case isCommand:
				command, want = strings.Fields(args), nil
			case command != nil:
				want = append(want, line)
			}
		}
		if len(command) == 0 || command[0] != "./onnx-rebasin" {
			continue
		}
		sessions++
		session(t, command[1:], strings.Join(want, "\n"))
	}
	if sessions < 2 {
		t.Errorf("the README has %d sessions", sessions)
	}
}

// session runs a command and compares what it prints. What it writes goes
// elsewhere.
func session(t *testing.T, args []string, want string) {
	t.Helper()
	line := strings.Join(args, " ")
	for i := 1; i < len(args); i++ {
		if args[i-1] == "-o" {
			out := filepath.Join(t.TempDir(), args[i])
			want = strings.ReplaceAll(want, args[i], out)
			args[i] = out
		}
	}
	var printed bytes.Buffer
	if code := run(args, strings.NewReader(""), &printed, &printed); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", line, code, printed.String())
	}
	got := strings.TrimRight(printed.String(), "\n")
	want = strings.TrimRight(want, "\n")
	if a, b := words(got), words(want); a != b {
		t.Errorf("%s prints\n%s\nand the README says\n%s", line, got, want)
		return
	}
	a, b := figures(got), figures(want)
	for i := range a {
		if math.Abs(a[i]-b[i]) > 0.05*math.Abs(b[i]) {
			t.Errorf("%s: %g where the README says %g", line, a[i], b[i])
		}
	}
}

var (
	number = regexp.MustCompile(`\d+(\.\d+)?(e[-+]\d+)?`)
	// Seconds, counts of starts, halves of confidence intervals, rounding.
	chance = regexp.MustCompile(`[\d.]+ s\b|best of \d+|±[\d.]+|largest difference \S+ \(\S+ of`)
)

// words is a text without its numbers and widths of columns.
func words(text string) string {
	var lines []string
	for line := range strings.Lines(number.ReplaceAllString(chance.ReplaceAllString(text, "?"), "#")) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func figures(text string) []float64 {
	var out []float64
	for _, m := range number.FindAllString(chance.ReplaceAllString(text, "?"), -1) {
		v, _ := strconv.ParseFloat(m, 64)
		out = append(out, v)
	}
	return out
}
