// Command symmetry asks of each model whether verify tells what is the same
// function from what is not: a random member of the model's symmetry group must
// be called the same, a single transposition outside the group different. It
// prints the table of docs/verify.md:
//
//	go run ./internal/tools/symmetry ../shared/zoo ../shared/models
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/internal/outside"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

var (
	exchanges = flag.Int("exchanges", 3, "transpositions outside the group tried on each model")
	seed      = flag.Uint64("seed", 1, "of the members and the transpositions")
)

// totals counts answers over all models.
type totals struct{ models, members, same, exchanges, different, unclear int }

func main() {
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: symmetry [-exchanges N] DIR…")
		os.Exit(2)
	}
	var sum totals
	fmt.Println("| model | run on | backend | a random member is | largest difference | transpositions told different | the others |")
	fmt.Println("|---|---|---|---|---:|---:|---|")
	for _, dir := range flag.Args() {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".onnx" || d.Name() == "b.onnx" {
				return err
			}
			name, _ := filepath.Rel(filepath.Dir(dir), path)
			if err := sum.row(filepath.ToSlash(name), path); err != nil {
				fmt.Printf("| %s | %s | | | | | |\n", name, cell(err.Error()))
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "symmetry:", err)
			os.Exit(1)
		}
	}
	fmt.Printf("\n%d models; %d of %d members called the same; of %d transpositions %d called different, %d not told, %d called the same\n",
		sum.models, sum.same, sum.members, sum.exchanges, sum.different, sum.unclear, sum.exchanges-sum.different-sum.unclear)
}

// cell is text for a table, cut where it grows long.
func cell(text string) string {
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest-1]) + "…"
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

const longest = 200

// row judges one model.
func (sum *totals) row(name, path string) error {
	m, err := onnxgraph.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	spec, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		return err
	}
	r, err := eval.Open(m, eval.OpenOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	member, err := spec.Apply(m, spec.Random(rand.New(rand.NewPCG(*seed, 0))))
	if err != nil {
		return err
	}
	v, err := verify(r, member)
	if err != nil {
		return err
	}
	sum.models++
	verdict := "–"
	if spec.FreeSlots() > 0 {
		sum.members++
		if verdict = string(v.Verdict); v.OK {
			sum.same++
		} else {
			verdict += ": " + v.Reason
		}
	}
	told, others, err := sum.exchange(r, spec)
	if err != nil {
		return err
	}
	fmt.Printf("| %s | %s | %s | %s | %.1e | %s | %s |\n", name, cell(v.Inputs), r.Backend, cell(verdict), v.MaxRel, told, cell(others))
	return nil
}

func verify(r *eval.Runner, m *onnxgraph.Model) (*eval.Verification, error) {
	other, err := eval.Open(m, eval.OpenOptions{Backend: r.Backend})
	if err != nil {
		return nil, err
	}
	defer other.Close()
	return eval.VerifyRunners(context.Background(), r, other, eval.VerifyOptions{})
}

// exchange asks about transpositions outside the group.
func (sum *totals) exchange(r *eval.Runner, spec *permspec.Spec) (told, others string, err error) {
	list, err := outside.Exchanges(r.Model, spec, *exchanges, *seed)
	if err != nil {
		return "", "", err
	}
	different := 0
	var rest []string
	for _, e := range list {
		v, err := verify(r, e.Of(r.Model))
		if err != nil {
			return "", "", err
		}
		switch v.Verdict {
		case eval.Different:
			different++
		case eval.Inconclusive:
			sum.unclear++
			rest = append(rest, fmt.Sprintf("%v: %s", e, v.Reason))
		default:
			rest = append(rest, fmt.Sprintf("%v: same; %s", e, v.Reason))
		}
	}
	sum.exchanges += len(list)
	sum.different += different
	return fmt.Sprintf("%d of %d", different, len(list)), strings.Join(rest, "; "), nil
}
