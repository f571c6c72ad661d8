package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// testData is ONNX's own form of test data: folders of input_N.pb and
// output_N.pb, each a TensorProto. A folder is one sample: its tensors are the
// model's inputs as they are.
type testData struct {
	folders []string
	inputs  []Input
	at      int
}

// testDataFolders lists the folders test_data_set_* of a folder, or the folder
// itself when it holds input_0.pb; false when path is something else.
func testDataFolders(path string) ([]string, bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, fmt.Errorf("dataset: %w", err)
	}
	if !info.IsDir() {
		return nil, false, nil
	}
	if isFile(filepath.Join(path, "input_0.pb")) || isFile(filepath.Join(path, "output_0.pb")) {
		return []string{path}, true, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, false, fmt.Errorf("dataset: %w", err)
	}
	number := map[string]int{}
	var folders []string
	for _, e := range entries {
		if n, ok := strings.CutPrefix(e.Name(), "test_data_set_"); ok && e.IsDir() {
			folder := filepath.Join(path, e.Name())
			number[folder], _ = strconv.Atoi(n)
			folders = append(folders, folder)
		}
	}
	slices.SortStableFunc(folders, func(a, b string) int { return number[a] - number[b] })
	return folders, len(folders) > 0, nil
}

func openTestData(path string, folders []string, opts Options) *Set {
	s := &Set{Name: filepath.Base(path), length: len(folders), batch: 1}
	if opts.Limit > 0 {
		s.length = min(s.length, opts.Limit)
	}
	s.noLabel = fmt.Errorf("dataset: %s is ONNX test data, which has no labels", s.Name)
	s.open = func() (reader, error) { return &testData{folders: folders, inputs: opts.Inputs}, nil }
	return s
}

func (d *testData) Close() error { return nil }

func (d *testData) next(int) (*Batch, error) {
	folder := d.folders[d.at]
	d.at++
	inputs, err := d.tensors(folder, "input")
	if err != nil {
		return nil, err
	}
	outputs, err := d.tensors(folder, "output")
	if err != nil {
		return nil, err
	}
	if d.inputs != nil && len(inputs) > len(d.inputs) {
		return nil, fmt.Errorf("dataset: %s has %d inputs, the model has %d", filepath.Base(folder), len(inputs), len(d.inputs))
	}
	b := &Batch{N: 1, Inputs: map[string]*onnxgraph.Tensor{}, Outputs: outputs}
	for i, t := range inputs {
		name := fmt.Sprintf("input_%d", i)
		if d.inputs != nil {
			name = d.inputs[i].Name
		}
		b.Inputs[name] = t
	}
	return b, nil
}

// tensors reads kind_0.pb, kind_1.pb and so on.
func (d *testData) tensors(folder, kind string) ([]*onnxgraph.Tensor, error) {
	var tensors []*onnxgraph.Tensor
	for i := 0; ; i++ {
		file := filepath.Join(folder, fmt.Sprintf("%s_%d.pb", kind, i))
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			return tensors, nil
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		t, err := ReadTensor(data)
		if err != nil {
			return nil, fmt.Errorf("dataset: %s/%s_%d.pb: %w", filepath.Base(folder), kind, i, err)
		}
		tensors = append(tensors, t)
	}
}

// ReadTensor decodes the bytes of a TensorProto, by reading them as the only
// weight of a model.
func ReadTensor(data []byte) (*onnxgraph.Tensor, error) {
	t := &onnxpb.TensorProto{}
	if err := proto.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("it is not a TensorProto: %w", err)
	}
	name := "tensor"
	t.Name = &name
	file, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion:   proto.Int64(10),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(21)}},
		Graph:       &onnxpb.GraphProto{Name: &name, Initializer: []*onnxpb.TensorProto{t}},
	})
	if err != nil {
		return nil, err
	}
	m, err := onnxgraph.Parse(file, "")
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return m.Tensor(m.Weights()[0])
}
