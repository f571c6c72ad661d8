package dataset

import (
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // formats that image.Decode knows
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/draw"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A picture is refused before it is decoded when it has more pixels than
// maxPixels, or more for a byte of its file than PNG can hold: eight to a byte,
// and 1,032 bytes to one of deflate.
const (
	maxPixels   = 1 << 27
	densePixels = 8 * 1032
)

// gallery is a folder of pictures.
type gallery struct {
	files         []string
	labels        []int64
	height, width int
	channels      int // 1 or 3
}

// openImages opens a folder of PNG and JPEG files, or of folders of them, one
// for each class. Classes are numbered in order of name, or of number when all
// names are whole numbers. Pictures become uint8, height × width × channels;
// those of another size are stretched, bilinearly. Labels from a .npy file are in
// the order of the pictures: by class, and by name.
func openImages(path string, opts Options) (*source, error) {
	g := &gallery{}
	classes, err := g.find(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if len(g.files) == 0 {
		return nil, fmt.Errorf("dataset: the folder %s has neither test_data_set_* nor PNG or JPEG files, itself or in folders of classes", filepath.Base(path))
	}
	if err := g.chooseSize(opts); err != nil {
		return nil, err
	}
	s := &source{what: "array", classes: classes}
	s.hints = []string{fmt.Sprintf("%s: %d images read as %d×%d×%d", filepath.Base(path), len(g.files), g.height, g.width, g.channels)}
	s.arrays = []array{{name: "x", dtype: onnxgraph.Uint8, shape: []int{len(g.files), g.height, g.width, g.channels},
		open: func() (rows, error) { return &galleryRows{g: g}, nil }}}
	switch {
	case opts.Labels != "" && opts.Labels != "none" && (opts.Labels != "y" || classes == nil):
		file, err := labelFile(path, opts.Labels)
		if err != nil {
			return nil, err
		}
		y, err := labelArray(file)
		if err != nil {
			return nil, err
		}
		s.arrays, s.labels, s.classes = append(s.arrays, y), y.name, nil
	case classes != nil:
		y := array{name: "y", dtype: onnxgraph.Int64, shape: []int{len(g.files)},
			open: func() (rows, error) { return &galleryLabels{g: g}, nil }}
		s.arrays, s.labels = append(s.arrays, y), y.name
	}
	return s, nil
}

// find lists the pictures, class by class.
func (g *gallery) find(path string) (classes []string, err error) {
	files, folders, err := pictures(path)
	if err != nil {
		return nil, err
	}
	g.files = files
	sortClasses(folders)
	for _, folder := range folders {
		files, _, err := pictures(filepath.Join(path, folder))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 || len(g.files) > 0 && classes == nil {
			continue
		}
		for range files {
			g.labels = append(g.labels, int64(len(classes)))
		}
		g.files = append(g.files, files...)
		classes = append(classes, folder)
	}
	return classes, nil
}

// pictures lists the picture files and the folders in a folder, by name.
func pictures(path string) (files, folders []string, err error) {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		name := e.Name()
		switch strings.ToLower(filepath.Ext(name)) {
		case ".png", ".jpg", ".jpeg":
			files = append(files, filepath.Join(path, name))
		default:
			if e.IsDir() && !strings.HasPrefix(name, ".") {
				folders = append(folders, name)
			}
		}
	}
	return files, folders, err
}

// sortClasses orders by number when all names are whole numbers.
func sortClasses(names []string) {
	number := map[string]int{}
	for _, name := range names {
		v, err := strconv.Atoi(name)
		if err != nil {
			return
		}
		number[name] = v
	}
	slices.SortFunc(names, func(a, b string) int { return number[a] - number[b] })
}

// chooseSize takes the size asked for, or the one of the model's input, or of
// the first picture; and one channel when the model's input has one.
func (g *gallery) chooseSize(opts Options) error {
	g.channels = 3
	for _, in := range opts.Inputs {
		if len(in.Shape) != 4 {
			continue
		}
		height, width := in.Shape[2], in.Shape[3]
		if c := in.Shape[3]; (c == 1 || c == 3) && in.Shape[1] != 1 && in.Shape[1] != 3 {
			height, width = in.Shape[1], in.Shape[2]
		}
		if in.Shape[1] == 1 || in.Shape[3] == 1 && in.Shape[1] != 3 {
			g.channels = 1
		}
		if height > 0 && width > 0 {
			g.height, g.width = int(height), int(width)
		}
	}
	if opts.ImageSize[0] > 0 && opts.ImageSize[1] > 0 {
		g.height, g.width = opts.ImageSize[0], opts.ImageSize[1]
	}
	if g.height == 0 {
		f, err := os.Open(g.files[0])
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		defer f.Close()
		config, err := pictureConfig(f)
		if err != nil {
			return fmt.Errorf("dataset: %s: %w", g.files[0], err)
		}
		g.height, g.width = config.Height, config.Width
	}
	if n, ok := count([]int{g.height, g.width}); !ok || n > maxPixels {
		return fmt.Errorf("dataset: images of %d×%d pixels are too large", g.height, g.width)
	}
	return nil
}

// pictureConfig reads how large a picture is, and refuses what is too large.
func pictureConfig(f *os.File) (image.Config, error) {
	config, _, err := image.DecodeConfig(f)
	if err != nil {
		return config, err
	}
	info, err := f.Stat()
	if err != nil {
		return config, err
	}
	if n, ok := count([]int{config.Height, config.Width}); !ok || n > maxPixels || int64(n) > densePixels*info.Size() {
		return config, fmt.Errorf("a picture of %d×%d pixels in %d bytes is too large", config.Width, config.Height, info.Size())
	}
	return config, nil
}

type galleryRows struct {
	g  *gallery
	at int
}

func (r *galleryRows) Close() error { return nil }

func (r *galleryRows) next(n int) (*onnxgraph.Tensor, error) {
	shape := []int{n, r.g.height, r.g.width, r.g.channels}
	per := r.g.height * r.g.width * r.g.channels
	data := make([]uint8, n*per)
	for i := range n {
		if err := r.g.read(data[i*per:(i+1)*per], r.g.files[r.at]); err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", r.g.files[r.at], err)
		}
		r.at++
	}
	return &onnxgraph.Tensor{Type: onnxgraph.Uint8, Shape: shape, Data: data}, nil
}

// read decodes a picture. Its transparency is ignored.
func (g *gallery) read(to []uint8, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := pictureConfig(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, 0); err != nil {
		return err
	}
	picture, _, err := image.Decode(f)
	if err != nil {
		return err
	}
	if o, ok := picture.(interface{ Opaque() bool }); !ok || !o.Opaque() {
		picture = opaque{picture}
	}
	rgba := image.NewRGBA(image.Rect(0, 0, g.width, g.height))
	if picture.Bounds().Size() == rgba.Bounds().Size() {
		draw.Draw(rgba, rgba.Bounds(), picture, picture.Bounds().Min, draw.Src)
	} else {
		draw.BiLinear.Scale(rgba, rgba.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	}
	for i := range g.height * g.width {
		p := rgba.Pix[4*i:]
		if g.channels == 1 {
			to[i] = luma(p[0], p[1], p[2])
			continue
		}
		copy(to[3*i:3*i+3], p)
	}
	return nil
}

// opaque is a picture without its transparency.
type opaque struct{ image.Image }

func (o opaque) ColorModel() color.Model { return color.NRGBAModel }

func (o opaque) At(x, y int) color.Color {
	c := color.NRGBAModel.Convert(o.Image.At(x, y)).(color.NRGBA)
	c.A = 255
	return c
}

// luma is the grey value of ITU-R 601, as JPEG and Pillow have it.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

type galleryLabels struct {
	g  *gallery
	at int
}

func (r *galleryLabels) Close() error { return nil }

func (r *galleryLabels) next(n int) (*onnxgraph.Tensor, error) {
	r.at += n
	return &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{n}, Data: r.g.labels[r.at-n : r.at]}, nil
}
