package dataset

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// folderOfImages makes class folders of one-coloured pictures.
func folderOfImages(t *testing.T, class func(i int) string, colors ...color.NRGBA) string {
	t.Helper()
	dir := t.TempDir()
	for i, c := range colors {
		picture := image.NewNRGBA(image.Rect(0, 0, 8, 4))
		for at := range 32 {
			picture.SetNRGBA(at%8, at/8, c)
		}
		if err := os.MkdirAll(filepath.Join(dir, class(i)), 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, class(i), "p."+[]string{"png", "jpg"}[i%2]))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			err = png.Encode(f, picture)
		} else {
			err = jpeg.Encode(f, picture, &jpeg.Options{Quality: 100})
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return dir
}

// Pictures become channels of numbers in the model's size, classes their folder.
func TestImages(t *testing.T) {
	dir := folderOfImages(t, func(i int) string { return []string{"10", "9", "b"}[i] },
		color.NRGBA{255, 0, 51, 255}, color.NRGBA{100, 100, 100, 255}, color.NRGBA{0, 255, 0, 7})
	os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "0"))
	s, batches := readAll(t, dir, Options{Inputs: imageInput(-1, 3, 2, 2)}, 8)
	if want := []string{"0", "9", "10"}; !slices.Equal(s.Classes, want) {
		t.Errorf("classes %v, want %v", s.Classes, want)
	}
	if got := batches[0].Labels.Data.([]int64); !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("labels %v", got)
	}
	in := batches[0].Inputs["input"]
	if !slices.Equal(in.Shape, []int{3, 3, 2, 2}) {
		t.Fatalf("shape %v", in.Shape)
	}
	want := []float32{0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0} // transparency is ignored
	if got := in.Data.([]float32)[:12]; !slices.Equal(got, want) {
		t.Errorf("green picture is %v", got)
	}
	if got := in.Data.([]float32)[12]; got != float32(100)/255 {
		t.Errorf("grey JPEG is %v", got)
	}
	if !strings.Contains(strings.Join(s.Hints, "; "), "3 images read as 2×2×3; ") {
		t.Errorf("hints %q", s.Hints)
	}
}

// One channel is the luminance, and channels-last models get channels last.
func TestGreyImages(t *testing.T) {
	dir := folderOfImages(t, func(i int) string { return "a" }, color.NRGBA{255, 0, 0, 255})
	for _, shape := range [][]int64{{-1, 1, 4, 8}, {-1, 4, 8, 1}} {
		_, batches := readAll(t, dir, Options{Inputs: imageInput(shape...)}, 8)
		if got := batches[0].Inputs["input"]; got.Data.([]float32)[31] != float32(76)/255 || got.Shape[1] != int(shape[1]) {
			t.Errorf("red is %v of shape %v", got.Data, got.Shape)
		}
	}
	_, batches := readAll(t, dir, Options{Inputs: []Input{{"input", onnxgraph.Uint8, []int64{-1, -1, -1, 3}}}, ImageSize: [2]int{3, 5}}, 8)
	if got := batches[0].Inputs["input"]; !slices.Equal(got.Shape, []int{1, 3, 5, 3}) || !slices.Equal(got.Data.([]uint8)[:3], []uint8{255, 0, 0}) {
		t.Errorf("channels last: %v of shape %v", got.Data, got.Shape)
	}
}

func TestImageErrors(t *testing.T) {
	empty := t.TempDir()
	if _, err := Open(empty, Options{}); err == nil || !strings.Contains(err.Error(), "has neither test_data_set_* nor PNG or JPEG files") {
		t.Errorf("empty folder: %v", err)
	}
	os.WriteFile(filepath.Join(empty, "a.png"), []byte("not a picture"), 0o666)
	s, err := Open(empty, Options{ImageSize: [2]int{2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Batches(1) {
		err = e
	}
	if err == nil || !strings.HasSuffix(err.Error(), "a.png: image: unknown format") {
		t.Errorf("bad picture: %v", err)
	}
}

// A picture that claims more pixels than its bytes can hold is refused before
// memory is taken for it.
func TestPictureTooDense(t *testing.T) {
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), 11000)
	header = append(binary.BigEndian.AppendUint32(header, 11000), 8, 6, 0, 0, 0) // RGBA, 484 MB
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(header))
	data = append(data, "\x00\x00\x00\x08IDAT\x78\x9c\x00\x00\x00\x00\x00\x00"...)
	dir := filepath.Dir(file(t, "a.png", data))
	s, err := Open(dir, Options{ImageSize: [2]int{2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Batches(1) {
		err = e
	}
	if err == nil || !strings.HasSuffix(err.Error(), "a.png: a picture of 11000×11000 pixels in 49 bytes is too large") {
		t.Errorf("error %v", err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("its size is taken: %v", err)
	}
}

// Labels from a file take the place of the folders; a file that is not there is
// an error, not a reason to take the folders.
func TestImageLabels(t *testing.T) {
	dir := folderOfImages(t, func(i int) string { return []string{"p", "q"}[i] }, color.NRGBA{255, 0, 51, 255}, color.NRGBA{0, 255, 0, 255})
	labels := file(t, "y.npy", npy("<i8", []int{2}, []int64{7, 5}))
	s, batches := readAll(t, dir, Options{Labels: labels}, 2)
	if got, ok := batches[0].Labels.Data.([]int64); !ok || !slices.Equal(got, []int64{7, 5}) || s.Classes != nil {
		t.Errorf("labels %v of classes %v", batches[0].Labels, s.Classes)
	}
	if _, err := Open(dir, Options{Labels: "missing.npy"}); err == nil || !strings.Contains(err.Error(), "missing.npy does not exist") {
		t.Errorf("error %v", err)
	}
}
