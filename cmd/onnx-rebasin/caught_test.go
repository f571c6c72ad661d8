package main

import (
	"bytes"
	"testing"
)

// A panic is told in a sentence, with the exit code of a failure.
func TestCaught(t *testing.T) {
	var said bytes.Buffer
	code := report(&said, caught(func() error { panic("broken") }))
	want := "onnx-rebasin: error: internal fault: broken\nonnx-rebasin: hint: this is a mistake of onnx-rebasin: please report it with the command and the files\n"
	if code != exitFailed || said.String() != want {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}
