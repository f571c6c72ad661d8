package permspec_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// structures lists the groups that networks among the exports have by theory,
// whatever their file looks like: residual streams, heads of keys and values,
// query heads to each of them, the slots within a head for queries and keys and
// for values, hidden units. A group is written as its size, with the groups it
// is under: "8<2" are 8 slots within each of 2 heads.
var structures = map[string]string{
	"bert":                     "24 2·3 2·32 4·8<3",
	"gpt_split":                "24 2·3 2·32 4·8<3",
	"gpt_slice":                "24 2·3 2·32 4·8<3",
	"gpt_index":                "24 2·3 2·32 4·8<3",
	"gpt_unbind":               "24 2·3 2·32 4·8<3",
	"gpt_by_head":              "24 2·3 2·32 4·8<3",
	"gpt_chunk":                "24 2·3 2·32 4·8<3",
	"gpt_sdpa":                 "24 2·3 2·32 4·8<3",
	"llama":                    "2·2 2·2<2 2·40 2·8<2 32",
	"llama_static":             "2·2 2·2<2 2·40 2·8<2 32",
	"llama_builtin":            "2·2 2·2<2 2·40 2·8<2 32",
	"llama_pairs":              "2·2 2·2<2 2·40 2·8<2 32",
	"llama_partial":            "2·2<2 2·40 2·4<2 2·8<2 32 3·2", // two of the four angles are cut off
	"llama_unturned":           "2·2 2·2<2 2·40 32 4·8<2",
	"llama_packed":             "2·2 2·2<2 2·40 2·8<2 32",
	"llama_broadcast":          "2·2 2·2<2 2·40 32 4·8<2",
	"llama_one_key":            "2·4 2·40 2·8 32",
	"vit":                      "24 2·3 2·36 4·8<3",
	"swin":                     "16 24 2·2 2·32 2·8<3 3 48 4·8<2",
	"clip":                     "12 2·24 2·32 2·36 4·3 8·8<3",
	"translator":               "24 2·32 3·3 6·8<3",
	"cross_attention":          "24 2·2 2·3 2·30 4·12<2 4·8<3",
	"torch_encoder":            "24 2·3 2·32 4·8<3",
	"torch_encoder_norm_first": "24 2·3 2·32 4·8<3",
	"attention_widths":         "10 14 2·24 2·8<3 3",
	"relative":                 "24 2·30 3 4·6<3",

	"lstm":            "4·12 8",
	"gru":             "4·12 8",
	"rnn":             "4·12 8",
	"lstm_time_first": "4·12 8",
	"gru_last":        "3·12 8",
	"lstm_last":       "2·12 8",
	"lstm_streaming":  "10 14",
	"lstm_packed":     "4·12 8",
	"lstm_cells":      "10 12 8",
	"gru_cells":       "10 12 8",
	"rnn_cells":       "10 12 8",
	"lstm_loop":       "12 8",
	"attentive":       "10 14 2·12 8",
	"hf_bert":         "2·24 2·3 2·32 4·8<3",
	"hf_gpt2":         "24 2·8<3 3 32",
	"hf_llama":        "2 2<2 32 40 8<2",
	"hf_qwen3":        "2 2<2 32 40 8<2",
	"hf_falcon":       "24 3 32 8", // one value for all heads
	"hf_neox":         "24 3 32 4<3 8<3",

	"ort_bert":              "2·24 2·3 2·32 4·8<3",
	"ort_bert_dynamic":      "2·24 2·3 2·32 4·8<3",
	"ort_gpt2":              "24 2·8<3 3 32",
	"ort_lstm_dynamic":      "4·12 8",
	"ort_encoder_qdq":       "24 2·3 2·32 4·8<3",
	"ort_encoder_qoperator": "24 2·3 2·32 4·8<3",
	"ort_llama_half":        "2 2<2 32 40 8<2",
}

// groupsOf writes the groups of a Spec as structures does.
func groupsOf(s *permspec.Spec) string {
	count := map[string]int{}
	for _, g := range s.Groups {
		text := fmt.Sprint(g.Size)
		for _, u := range g.Under {
			text += fmt.Sprintf("<%d", s.Groups[u].Size)
		}
		count[text]++
	}
	var out []string
	for text, n := range count {
		if n > 1 {
			text = fmt.Sprintf("%d·%s", n, text)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Every export of a network has the groups that the network has, whichever
// exporter wrote it.
func TestStructureOfExports(t *testing.T) {
	paths, err := filepath.Glob("../fixtures/exports/*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		network := name[:max(strings.LastIndexByte(name, '_'), 0)]
		want, ok := structures[network]
		if !ok {
			continue
		}
		seen[network] = true
		m, err := onnxgraph.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := permspec.Infer(m, permspec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := groupsOf(s); got != want {
			t.Errorf("%s: groups %s, want %s", name, got, want)
		}
		m.Close()
	}
	for network := range structures {
		if !seen[network] {
			t.Errorf("no export of %s", network)
		}
	}
}
