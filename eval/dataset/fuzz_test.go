package dataset

import (
	"archive/zip"
	"bytes"
	"errors"
	"image"
	"image/color/palette"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// tryFile reads a data set of the given name and bytes, as it is stored and for
// a model's input.
func tryFile(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	tryPath(t, path)
}

func tryPath(t *testing.T, path string) {
	for _, opts := range []Options{{}, {Inputs: imageInput(-1, 3)}, {Inputs: imageInput(-1, 1, 2, 3), Labels: "none"}} {
		s, err := Open(path, opts)
		if err != nil {
			continue
		}
		for _, err := range s.Batches(2) {
			if err != nil {
				break
			}
		}
		s.Close()
	}
}

// fuzz mutates the seeds: no bytes make the reader panic or take memory that
// the file does not account for.
func fuzz(f *testing.F, name string, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, data []byte) { tryFile(t, path, data) })
}

// digits returns two samples of the fixtures' digits, and their labels.
func digits(f *testing.F) (images []uint8, labels []int64) {
	_, batches := readAll(f, "../../fixtures/mnist_test.npz", Options{Limit: 2}, 2)
	b := batches[0]
	return b.Inputs["x"].Data.([]uint8), b.Labels.Data.([]int64)
}

func FuzzNPY(f *testing.F) {
	images, _ := digits(f)
	fuzz(f, "d.npy", npy("|u1", []int{2, 3}, bytesUpTo(6)), npy(">f8", []int{2, 1, 3}, make([]float64, 6)),
		npy("<f2", []int{6}, make([]uint16, 6)), npy("|b1", []int{2, 3}, bytesUpTo(6)), npy("|u1", []int{2, 28, 28}, images))
}

func FuzzNPZ(f *testing.F) {
	x, y := npy("|u1", []int{2, 3}, bytesUpTo(6)), npy("<i8", []int{2}, []int64{1, 2})
	images, labels := digits(f)
	fuzz(f, "d.npz", npz(f, zip.Deflate, "x", x, "y", y), npz(f, zip.Store, "input", x, "labels", y), npz(f, zip.Store),
		npz(f, zip.Deflate, "x", npy("|u1", []int{2, 28, 28}, images), "y", npy("<i8", []int{2}, labels)))
}

func FuzzIDX(f *testing.F) {
	images, _ := digits(f)
	fuzz(f, "d.idx", idx(8, []int{2, 3}, bytesUpTo(6)), idx(13, []int{2, 3}, make([]float32, 6)),
		gzipped(idx(13, []int{2, 3}, make([]float32, 6))), gzipped(idx(8, []int{6}, bytesUpTo(6))), gzipped(idx(8, []int{2, 28, 28}, images)))
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "d.csv", []byte("a,b\n1,2\n3,4\n"), []byte("1,2,0\n3,4,1\n"), []byte("\"x\";y\n1,5;cat\n2,5;dog\n"), []byte("1e9 2 nan\n"),
		[]byte("sepal length,sepal width,species\r\n5.1,3.5,setosa\r\n4.9,3.0,setosa\r\n"), []byte("\xef\xbb\xbf# made by hand\nx\ty\n-1e-3\t0x1p4\n"))
}

// FuzzPicture reads a folder of one picture, whose name claims that it is of one
// of two formats; its bytes decide.
func FuzzPicture(f *testing.F) {
	pixels, _ := digits(f)
	digit := &image.Gray{Pix: pixels[:28*28], Stride: 28, Rect: image.Rect(0, 0, 28, 28)}
	colours := image.NewPaletted(image.Rect(0, 0, 5, 3), palette.WebSafe)
	for _, picture := range []image.Image{digit, colours, image.NewNRGBA64(image.Rect(0, 0, 3, 2)), image.NewYCbCr(image.Rect(0, 0, 17, 9), image.YCbCrSubsampleRatio420)} {
		var asPNG, asJPEG bytes.Buffer
		if err := errors.Join(png.Encode(&asPNG, picture), jpeg.Encode(&asJPEG, picture, nil)); err != nil {
			f.Fatal(err)
		}
		f.Add(asPNG.Bytes())
		f.Add(asJPEG.Bytes())
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "p.png"), data, 0o666); err != nil {
			t.Fatal(err)
		}
		tryPath(t, dir)
	})
}

// FuzzTestData reads a tensor of ONNX's test data.
func FuzzTestData(f *testing.F) {
	name, floats := "x", int32(onnxgraph.Float32)
	for _, tensor := range []*onnxpb.TensorProto{
		{Name: &name, DataType: &floats, Dims: []int64{1, 3}, FloatData: []float32{1, 2, 3}},
		{Name: &name, DataType: &floats, Dims: []int64{3, 1}, RawData: make([]byte, 12)},
		{Name: &name, DataType: proto.Int32(int32(onnxgraph.String)), Dims: []int64{2}, StringData: [][]byte{[]byte("a"), nil}},
		{Name: &name, DataType: &floats, Dims: []int64{3}, DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
			ExternalData: []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("input_0.pb")}}},
	} {
		data, err := proto.Marshal(tensor)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "input_0.pb"), data, 0o666); err != nil {
			t.Fatal(err)
		}
		tryPath(t, dir)
	})
}
