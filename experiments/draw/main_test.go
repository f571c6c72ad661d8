package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDraw: rows make one curve a line and one plot a panel, and what is no
// number is refused with the row's.
func TestDraw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.svg")
	table := "loss,naive,0,1\nloss,naive,1,2\nloss,aligned,0,1\naccuracy,naive,0,90\n"
	if err := draw(strings.NewReader(table), "A title", "width", path); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A title", "width", "loss", "accuracy", "naive", "aligned"} {
		if !strings.Contains(string(picture), ">"+want+"<") {
			t.Errorf("no text %q", want)
		}
	}
	panels, err := read(strings.NewReader(table))
	if err != nil || len(panels) != 2 || len(panels[0].Lines) != 2 || len(panels[0].Lines[0].Points) != 2 {
		t.Errorf("%+v, %v", panels, err)
	}
	if _, err := read(strings.NewReader("loss,naive,0,1\nloss,naive,x,2\n")); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("error %v", err)
	}
	if _, err := read(strings.NewReader("")); err == nil {
		t.Error("nothing to draw is no error")
	}
}
