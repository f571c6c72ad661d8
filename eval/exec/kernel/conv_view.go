package kernel

import "github.com/onnx-rebasin/onnx-rebasin/internal/f32"

// windows lays the windows of a convolution over images that are padded, or
// over the input itself where nothing has to be padded, as a matrix: a row for
// every channel and place in the window, a column for every place of the window
// in every image.
//
// A stride along the last axis is taken out of the columns by sorting the
// elements of a padded row by their remainder: then neighbouring columns are
// neighbours in memory, which is what makes packing quick.
type windows struct {
	rows       f32.Axis
	cols, tail f32.Axis // of all images at a time, and of those left over
	images     int      // taken at a time
	inPlane    int
	perImage   int  // elements from one image to the next
	copied     bool // images are padded or sorted

	starts     []int // where each row of the input goes
	width      int   // of a row of the input
	lead       int   // padding before it
	step, part int   // remainders, and elements of each
}

// newWindows lays out windows over inPer of an image's channels.
func newWindows(at *placement, inPer, channels, images int) *windows {
	last := len(at.in) - 1
	w := &windows{images: images, inPlane: size(at.in), width: at.in[last], lead: at.before[last], step: at.stride[last]}
	padded := make([]int, len(at.in))
	for i, d := range at.in {
		padded[i] = d + at.before[i] + at.after[i]
	}
	w.copied = w.step > 1 || !equalShape(padded, at.in)
	w.part = (padded[last] + w.step - 1) / w.step
	padded[last] = w.part * w.step
	steps := strides(append([]int{inPer}, padded...))
	w.perImage = inPer * steps[0]
	if !w.copied {
		w.perImage = channels * w.inPlane
	}

	outer := steps[: last+1 : last+1] // of channels and all axes but the last
	within, across := []int{steps[0]}, []int{w.perImage}
	first := 0
	for i, s := range outer[1:] {
		within, across = append(within, s*at.dilation[i]), append(across, s*at.stride[i])
		first += s * at.before[i]
	}
	rows := grid(append([]int{inPer}, at.kernel[:last]...), within)
	w.rows = f32.Offsets(spread(rows, at.kernel[last], func(k int) int { return w.sorted(k * at.dilation[last]) }))
	cols := grid(append(append([]int{images}, at.out[:last]...), at.out[last]), append(across, 1))
	w.cols = f32.Offsets(cols)
	w.starts = grid(append([]int{inPer}, at.in[:last]...), outer)
	for i := range w.starts {
		w.starts[i] += first
	}
	return w
}

// tailed sets the columns of the images left over from a batch.
func (w *windows) tailed(batch int) *windows {
	perImage := w.cols.Len() / w.images
	w.tail = w.cols.Head(batch % w.images * perImage)
	return w
}

// columns returns the columns of the first images.
func (w *windows) columns(images int) f32.Axis {
	if images == w.images {
		return w.cols
	}
	return w.tail
}

// sorted returns where element i of a padded row lies.
func (w *windows) sorted(i int) int { return i%w.step*w.part + i/w.step }

// spread lists, for every offset, those of n elements from there.
func spread(offsets []int, n int, at func(i int) int) []int {
	out := make([]int, 0, len(offsets)*n)
	for _, o := range offsets {
		for i := range n {
			out = append(out, o+at(i))
		}
	}
	return out
}

// pad copies the rows of an image's channels to where they belong. What lies
// between them stays as it is.
func pad[T float](to, from []T, w *windows) {
	for r, start := range w.starts {
		row := from[r*w.width:][:w.width]
		if w.step == 1 {
			copy(to[start+w.lead:][:w.width], row)
			continue
		}
		for first := range min(w.step, w.width) {
			d := to[start+w.sorted(first+w.lead):]
			for i, k := 0, first; k < len(row); i, k = i+1, k+w.step {
				d[i] = row[k]
			}
		}
	}
}
