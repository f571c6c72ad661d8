// Graphfuzz grows random models out of the operator table and holds each to the
// laws of package internal/graphfuzz:
//
//	go run ./internal/tools/graphfuzz -n 10000
//
// It prints what the models were made of, and for every model that breaks a law
// its seed; -seed N -n 1 -o model.onnx writes one of them. It fails when a law is
// broken.
package main

import (
	"flag"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/graphfuzz"
)

func main() {
	count := flag.Int("n", 1000, "models")
	seed := flag.Uint64("seed", 0, "seed of the first")
	cases := flag.String("table", "permspec/testdata/operators.txt", "cases of the operator table")
	out := flag.String("o", "", "write the first model to this file")
	flag.Parse()
	if err := run(*cases, *seed, *count, *out); err != nil {
		fmt.Fprintln(os.Stderr, "graphfuzz:", err)
		os.Exit(1)
	}
}

func run(cases string, seed uint64, count int, out string) error {
	table, err := graphfuzz.ReadTable(cases)
	if err != nil {
		return err
	}
	if out != "" {
		data, err := proto.Marshal(table.Model(seed).Proto)
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, data, 0o666); err != nil {
			return err
		}
	}
	r := graphfuzz.NewReport(table)
	for i := range uint64(count) {
		m := table.Model(seed + i)
		f := graphfuzz.Check(m)
		r.Add(m, f)
		for _, b := range f.Broken {
			fmt.Printf("seed %d: %s\n", m.Seed, b)
		}
	}
	r.Print(os.Stdout)
	if r.Broken > 0 {
		return fmt.Errorf("%d of %d models break a law", r.Broken, count)
	}
	return nil
}
