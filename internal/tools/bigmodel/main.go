// Command bigmodel writes a transformer with random weights, to see how long
// large models take and how much memory. See docs/scale.md.
//
//	bigmodel -layers 12 -width 2048 -ffn 8192 -heads 16 -vocab 8192 -o a.onnx
//
// The weights are in a.onnx.data, or with -inline in the model file. With -plan
// nothing is written but what merging a pair of such models takes.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

func main() {
	var s sizes
	flag.IntVar(&s.layers, "layers", 12, "layers")
	flag.IntVar(&s.width, "width", 2048, "width of the residual stream")
	flag.IntVar(&s.ffn, "ffn", 8192, "hidden units of a feed-forward block")
	flag.BoolVar(&s.gated, "gated", false, "gate the feed-forward blocks (SwiGLU)")
	flag.IntVar(&s.heads, "heads", 16, "attention heads; their product with -head is the width of the attention")
	flag.IntVar(&s.head, "head", 128, "dimensions of a head")
	flag.IntVar(&s.vocab, "vocab", 8192, "tokens")
	seed := flag.Uint64("seed", 1, "seed of the weights")
	out := flag.String("o", "", "write the model to this file")
	planned := flag.Bool("plan", false, "print what merging a pair of such models takes, and write nothing")
	inline := flag.Bool("inline", false, "keep the weights in the model file")
	flag.Parse()
	if (*out == "") != *planned || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	err := error(nil)
	if *planned {
		err = plan(os.Stdout, s)
	} else {
		err = write(s, *seed, *out, *inline)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bigmodel:", err)
		os.Exit(1)
	}
}

// write builds the graph, then the weights one after the other.
func write(s sizes, seed uint64, path string, inline bool) (err error) {
	g := transformer(s)
	location := filepath.Base(path) + ".data"
	rng := rand.New(rand.NewPCG(seed, 7))
	if inline {
		for _, w := range g.weights {
			w.tensor.RawData = w.appendRandom(nil, rng)
		}
		return g.save(path)
	}
	f, err := os.Create(filepath.Join(filepath.Dir(path), location))
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	buf := bufio.NewWriterSize(f, 1<<20)
	at := int64(0)
	var raw []byte
	for _, w := range g.weights {
		raw = w.appendRandom(raw[:0], rng)
		w.keepIn(location, at, int64(len(raw)))
		if _, err := buf.Write(raw); err != nil {
			return err
		}
		at += int64(len(raw))
		if rest := at % 4096; rest > 0 {
			if _, err := buf.Write(make([]byte, 4096-rest)); err != nil {
				return err
			}
			at += 4096 - rest
		}
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return g.save(path)
}

// weight is an initializer whose numbers are still to be drawn.
type weight struct {
	tensor *onnxpb.TensorProto
	count  int
	scale  float64 // of the normal distribution
}

// appendRandom appends the weight's numbers.
func (w *weight) appendRandom(raw []byte, rng *rand.Rand) []byte {
	for range w.count {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(w.scale*rng.NormFloat64())))
	}
	return raw
}

// keepIn says in which file the weight is kept.
func (w *weight) keepIn(location string, at, size int64) {
	w.tensor.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	for _, e := range [][2]string{{"location", location}, {"offset", strconv.FormatInt(at, 10)}, {"length", strconv.FormatInt(size, 10)}} {
		w.tensor.ExternalData = append(w.tensor.ExternalData, &onnxpb.StringStringEntryProto{Key: &e[0], Value: &e[1]})
	}
}

func (g *graph) save(path string) error {
	for _, w := range g.weights {
		g.proto.Initializer = append(g.proto.Initializer, w.tensor)
	}
	b, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g.proto,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}}})
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o666)
}
