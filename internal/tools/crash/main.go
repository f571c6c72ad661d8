//go:build linux

// Command crash disturbs the command while it writes, and checks that nothing is
// lost: the inputs stay as they were, the output is the old one or the whole new
// one, and the next run leaves no litter. See docs/reliability.md.
//
//	go run ./internal/tools/crash -kills 200
//
// It needs the fixtures of the repository, and for the full disk and the folder
// that may not be written to the rights to mount a tmpfs and to change the user;
// what it cannot try it says.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	kills := flag.Int("kills", 200, "how many runs to kill with signal 9")
	signals := flag.Int("signals", 20, "how many runs to stop with each of SIGINT and SIGTERM")
	seed := flag.Uint64("seed", 1, "seed of the moments")
	keep := flag.Bool("keep", false, "keep the folder")
	flag.Parse()
	dir, err := os.MkdirTemp("", "crash")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = run(dir, *kills, *signals, *seed)
	}
	if *keep {
		fmt.Println(dir)
	} else {
		os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// run builds the command and two inputs, and goes through all disturbances.
func run(dir string, kills, signals int, seed uint64) error {
	bin := filepath.Join(dir, "onnx-rebasin")
	if err := command("go", "build", "-o", bin, "./cmd/onnx-rebasin"); err != nil {
		return err
	}
	failed := 0
	for _, external := range []bool{false, true} {
		b, err := newBench(filepath.Join(dir, map[bool]string{false: "inline", true: "external"}[external]), bin, external, seed)
		if err != nil {
			return err
		}
		fmt.Printf("weights %s; a run takes %v\n", map[bool]string{false: "in the model file", true: "in external files"}[external], b.takes.Round(1e6))
		for _, t := range b.trials(kills, signals) {
			result := t.run()
			fmt.Printf("  %-34s %s\n", t.name, result)
			if strings.HasPrefix(result, "FAILED") {
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of the trials failed", failed)
	}
	return nil
}

// command runs a program and shows what it says only if it fails.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
