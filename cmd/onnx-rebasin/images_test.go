package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Folders of images are read at the size, mean and deviation that flags give.
func TestImageFlags(t *testing.T) {
	dir := t.TempDir()
	for class := range 3 {
		folder := filepath.Join(dir, fmt.Sprint(class))
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			picture := image.NewGray(image.Rect(0, 0, 56, 40))
			for x := range 56 {
				picture.SetGray(x, 10*class+i, color.Gray{200})
			}
			var b bytes.Buffer
			if err := png.Encode(&b, picture); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	losses := map[float64]bool{}
	for _, flags := range [][]string{nil, {"--mean", "0.1307", "--std", "0.3081"}, {"--scale", "1"}} {
		var out, errs bytes.Buffer
		args := append([]string{"eval", "../../fixtures/resnet/a.onnx", "--data", dir, "--image-size", "28x28", "--json"}, flags...)
		if code := run(args, nil, &out, &errs); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		var r struct {
			Eval struct {
				Samples int
				A       struct{ Loss float64 }
			}
		}
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Eval.Samples != 12 || losses[r.Eval.A.Loss] || !strings.Contains(errs.String(), "12 images read as 28×28") {
			t.Errorf("%v: %d samples, loss %v, %s", flags, r.Eval.Samples, r.Eval.A.Loss, errs.String())
		}
		losses[r.Eval.A.Loss] = true
	}
	for flag, bad := range map[string]string{"--image-size": "large", "--mean": "0.1,x", "--std": "x"} {
		var errs bytes.Buffer
		if code := run([]string{"eval", "../../fixtures/resnet/a.onnx", "--data", dir, flag, bad}, nil, &bytes.Buffer{}, &errs); code != exitUsage {
			t.Errorf("%s %s: exit code %d, %s", flag, bad, code, errs.String())
		}
	}
}
