package graphfuzz_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/graphfuzz"
)

const cases = "../../permspec/testdata/operators.txt"

// models is how many a test run checks; internal/tools/graphfuzz checks more.
const models = 150

func table(t *testing.T) *graphfuzz.Table {
	t.Helper()
	table, err := graphfuzz.ReadTable(cases)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// No random model breaks a law, nearly all run and have a symmetry to try, and
// what is outside their groups is noticed.
func TestRandomModels(t *testing.T) {
	table := table(t)
	report := graphfuzz.NewReport(table)
	for seed := range uint64(models) {
		m := table.Model(seed)
		f := graphfuzz.Check(m)
		for _, law := range f.Broken {
			t.Errorf("seed %d: %s", seed, law)
		}
		report.Add(m, f)
	}
	var text bytes.Buffer
	report.Print(&text)
	t.Logf("%s", &text)
	if tried, noticed := report.Tried(), report.Noticed(); tried < models*8/10 || noticed < tried*8/10 {
		t.Errorf("of %d models %d have members that were tried, and an exchange outside the group was noticed in %d", models, tried, noticed)
	}
}

// One seed is one model.
func TestModelBySeed(t *testing.T) {
	table := table(t)
	for seed := range uint64(20) {
		var data [2][]byte
		for i := range data {
			var err error
			if data[i], err = (proto.MarshalOptions{Deterministic: true}).Marshal(table.Model(seed).Proto); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(data[0], data[1]) {
			t.Errorf("seed %d gives two models", seed)
		}
	}
}
