package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/onnx-rebasin/onnx-rebasin/internal/chart"
	"github.com/onnx-rebasin/onnx-rebasin/zoo"
)

func zooCommand() *cli.Command {
	return &cli.Command{
		Name:  "zoo",
		Usage: "find the relatives among many models: families, copies, shuffled copies, fine-tunes",
		UsageText: "onnx-rebasin zoo DIR…\n\n" +
			"Example: onnx-rebasin zoo models/ --matrix distances.svg",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "matrix", Usage: "write the distances within families to `FILE`, .csv or .svg"},
			&cli.StringFlag{Name: "cache", Usage: "keep what was found in the folder `PATH`, and go on from there; none: keep nothing; empty: the user's cache folder"},
			&cli.IntFlag{Name: "workers", Usage: "models looked at side by side; 0: as many as there are cores", Action: notNegative[int]("workers")},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing file"},
			jsonFlag(), quietFlag(),
		},
		Action: survey,
	}
}

func survey(c *cli.Context) error {
	if c.NArg() == 0 {
		return hinted{usagef("zoo takes folders or model files"), "onnx-rebasin zoo models/"}
	}
	matrix := c.String("matrix")
	if matrix != "" {
		if ending := strings.ToLower(filepath.Ext(matrix)); ending != ".csv" && ending != ".svg" {
			return hinted{usagef("--matrix: %s ends neither in .csv nor in .svg", matrix), "name a file such as distances.svg"}
		}
		if err := writable(c, matrix); err != nil {
			return err
		}
	}
	cache, err := cacheFolder(c)
	if err != nil {
		return err
	}
	p := newProgress(c)
	r, err := zoo.Survey(c.Context, c.Args().Slice(), zoo.Options{Cache: cache, Version: version(), Workers: c.Int("workers"),
		Progress: func(stage string, done, total int) { p.count(stage, "models", done, total) }})
	p.done()
	if err != nil {
		return err
	}
	if matrix != "" {
		if err := writeWhole(c, matrix, func(w io.Writer) error { return writeMatrix(w, matrix, r) }); err != nil {
			return err
		}
	}
	switch {
	case c.Bool("json"):
		return writeJSON(c.App.Writer, struct {
			Version string `json:"version"`
			Command string `json:"command"`
			*zoo.Result
		}{version(), c.Command.Name, r})
	case !c.Bool("quiet"):
		describeZoo(c.App.Writer, r)
	}
	return nil
}

// cacheFolder is the folder of --cache; "" for none. One that is named has to be usable.
func cacheFolder(c *cli.Context) (string, error) {
	switch dir := c.String("cache"); dir {
	case "none":
		return "", nil
	case "":
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", nil
		}
		return filepath.Join(dir, "onnx-rebasin", "zoo"), nil
	default:
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", fmt.Errorf("--cache: %w", err)
		}
		return dir, nil
	}
}

// writeMatrix writes the distances in the format that the file's ending says.
func writeMatrix(w io.Writer, path string, r *zoo.Result) error {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return r.WriteMatrixCSV(w)
	}
	paths, distances := r.Matrix()
	return chart.Matrix(w, "relative distance: as they stand above the diagonal, aligned below", shortened(paths), distances, math.Sqrt2)
}

// shortened takes away the folders that all paths begin with.
func shortened(paths []string) []string {
	var common []string
	for i, p := range paths {
		dirs := strings.Split(filepath.ToSlash(filepath.Dir(p)), "/")
		if i == 0 {
			common = dirs
		}
		n := 0
		for n < min(len(common), len(dirs)) && common[n] == dirs[n] {
			n++
		}
		common = common[:n]
	}
	prefix := strings.Join(common, "/")
	if prefix != "" || len(common) > 0 {
		prefix += "/"
	}
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimPrefix(filepath.ToSlash(p), prefix))
	}
	return out
}

// mostPairs is how many pairs of a family are listed one by one.
const mostPairs = 45

// describeZoo prints the families with their pairs, and who is whose relative.
func describeZoo(w io.Writer, r *zoo.Result) {
	var all []string
	for _, m := range r.Models {
		all = append(all, m.Path)
	}
	short := map[string]string{}
	for i, s := range shortened(all) {
		short[all[i]] = s
	}
	related := 0
	for _, f := range r.Families {
		related += len(f.Members)
	}
	families := count(len(r.Families), "family")
	if len(r.Families) != 1 {
		families = fmt.Sprintf("%d families", len(r.Families))
	}
	fmt.Fprintf(w, "%s: %d in %s, %d alone\n", count(len(r.Models), "model"), related, families, len(r.Models)-related)
	for i, f := range r.Families {
		m := f.Models[0]
		fmt.Fprintf(w, "\nfamily %d: %s of %s and %s\n", i+1, count(len(f.Members), "model"), count(m.Nodes, "node"), count(int(m.Parameters), "parameter"))
		describeFamily(w, f, short)
	}
	if len(r.Families) > 0 {
		fmt.Fprint(w, "\ndistances are relative, over the weights that can be permuted: 0 for equal ones, 1.41 for unrelated ones\n")
	}
	for _, d := range r.Duplicates {
		var names []string
		for _, p := range d {
			names = append(names, short[p])
		}
		fmt.Fprintf(w, "the same file: %s\n", strings.Join(names, ", "))
	}
	for _, p := range r.Unreadable {
		fmt.Fprintf(w, "left out: %s\n", p.Reason)
	}
}

// describeFamily prints the pairs of a family, or, where they are many, the nearest
// relative of each member, and the kin.
func describeFamily(w io.Writer, f *zoo.Family, short map[string]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(a, b string, found *zoo.Finding, problem string) {
		if found == nil || found.Kinship == nil {
			fmt.Fprintf(t, "  %s\t%s\t–\t–\t%s\n", short[a], short[b], problem)
			return
		}
		fmt.Fprintf(t, "  %s\t%s\t%.4f\t%.4f\t%s\n", short[a], short[b], found.Before, found.After, relations[string(found.Relation)])
	}
	if len(f.Pairs) <= mostPairs {
		fmt.Fprintln(t, "  a\tb\tas they stand\taligned\tb is")
		for _, p := range f.Pairs {
			line(p.A, p.B, &p.Finding, p.Problem)
		}
	} else {
		fmt.Fprintln(t, "  b\tits nearest, a\tas they stand\taligned\tb is")
		for _, n := range f.Nearest {
			line(n.Model, n.To, n.Finding, "could not be compared")
		}
	}
	t.Flush()
	for _, kin := range f.Kin {
		var names []string
		for _, m := range kin {
			names = append(names, short[m])
		}
		fmt.Fprintf(w, "  of one ancestor: %s\n", strings.Join(names, ", "))
	}
}

// relations are the words of a table for what b is to a.
var relations = map[string]string{
	"same": "the same", "shuffled": "a with its units shuffled", "fine-tuned": "of one ancestor with a",
	"shuffled-related": "of one ancestor with a, shuffled", "apart": "trained apart",
}
