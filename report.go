package rebasin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Report is what a command did, for JSON. Its keys are stable; what a command
// has nothing to say about is absent.
type Report struct {
	Version string        `json:"version"`
	Command string        `json:"command"`
	Method  string        `json:"method,omitempty"`
	Lambda  *float64      `json:"lambda,omitempty"`  // the weight of B in a merge
	Lambdas []GroupLambda `json:"lambdas,omitempty"` // of groups that have another
	Chosen  bool          `json:"-"`                 // λ was
	Seed    int64         `json:"seed"`
	Backend string        `json:"backend,omitempty"`

	Inputs []FileDigest `json:"inputs,omitempty"`
	Output *FileDigest  `json:"output,omitempty"`

	Spec     *permspec.Document `json:"spec,omitempty"`
	Match    *MatchReport       `json:"match,omitempty"`
	Many     *ManyReport        `json:"many,omitempty"` // for three models or more, instead of Match and Verify
	Symmetry []Turned           `json:"symmetry,omitempty"`
	Verify   *eval.Verification `json:"verify,omitempty"`
	Zip      *ZipReport         `json:"zip,omitempty"`
	Repair   *repair.Report     `json:"repair,omitempty"`
	Eval     *EvalReport        `json:"eval,omitempty"`

	Moves      []GroupMove           `json:"moves,omitempty"`
	Layers     []LayerDistance       `json:"layers,omitempty"`
	Kinship    *Kinship              `json:"kinship,omitempty"`
	Difference *onnxgraph.Difference `json:"difference,omitempty"` // where architectures part

	Correlation *Correlation `json:"correlation,omitempty"`
	Arguments   []string     `json:"arguments,omitempty"` // of the command, to repeat it
	Environment *Environment `json:"environment,omitempty"`

	Curve        []CurvePoint   `json:"curve,omitempty"`
	Barrier      *BarrierReport `json:"barrier,omitempty"`
	TrainCurve   []CurvePoint   `json:"train_curve,omitempty"`
	TrainBarrier *BarrierReport `json:"train_barrier,omitempty"`
	Series       []SeriesPoint  `json:"series,omitempty"`

	IO    []IOOrder    `json:"io,omitempty"`
	Gates []GateReport `json:"gates,omitempty"`
	Hints []string     `json:"hints,omitempty"`
}

// GateReport is a condition on a number of the report, and whether it holds.
type GateReport struct {
	Gate  string   `json:"gate"`
	Value *float64 `json:"value"` // null where there is none to compare
	OK    bool     `json:"ok"`
}

// FileDigest names a file by its contents.
type FileDigest struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// MatchReport says how far matching brought B to A. Objective is Σ⟨W_A, π(W_B)⟩
// over the matched weights, L2 the distance over the same weights.
type MatchReport struct {
	ObjectiveBefore float64 `json:"objective_before"`
	ObjectiveAfter  float64 `json:"objective_after"`
	L2Before        float64 `json:"l2_before"`
	L2After         float64 `json:"l2_after"`
	Starts          int     `json:"starts"`
	Sweeps          int     `json:"sweeps"`
	Moved           float64 `json:"moved"`
	Seconds         float64 `json:"seconds"`
	Stopped         bool    `json:"stopped,omitempty"` // before its natural end, by --max-time or an interrupt

	Learnt *LearntReport `json:"learnt,omitempty"` // by the straight-through estimator
}

// LearntReport says what gradients brought: the loss of the average, unrepaired,
// on calibration samples held back, with the matching that learning started from
// and with the best that was seen.
type LearntReport struct {
	From       string  `json:"from"` // what the loss is held against
	LossBefore float64 `json:"loss_before"`
	LossAfter  float64 `json:"loss_after"`
	Epochs     int     `json:"epochs"`
	Better     int     `json:"better"` // matchings better than the start, of which the best are kept
}

// EvalReport holds the metrics of the models side by side.
type EvalReport struct {
	Samples  int           `json:"samples"`
	A        *eval.Metrics `json:"a,omitempty"`
	B        *eval.Metrics `json:"b,omitempty"`
	Ensemble *eval.Metrics `json:"ensemble,omitempty"`
	Naive    *eval.Metrics `json:"naive,omitempty"`
	Merged   *eval.Metrics `json:"merged,omitempty"`

	Likeness []eval.Likeness `json:"likeness,omitempty"` // where there are no labels, or when asked for

	Models []*eval.Metrics `json:"models,omitempty"` // three or more, instead of A and B
}

// DigestFile returns the SHA-256 of a file.
func DigestFile(path string) (FileDigest, error) {
	f, err := os.Open(path)
	if err != nil {
		return FileDigest{}, err
	}
	defer f.Close()
	return Digest(path, f)
}

// Digest returns the SHA-256 of what is read from a source named path.
func Digest(path string, r io.Reader) (FileDigest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return FileDigest{}, fmt.Errorf("read %s: %w", path, err)
	}
	return FileDigest{path, hex.EncodeToString(h.Sum(nil))}, nil
}

// Report fills in what the alignment has to say.
func (a *Alignment) Report() Report {
	r := Report{Method: "none", Symmetry: a.Symmetry, Verify: a.Verification, IO: a.IO}
	spec := a.Spec.Summary()
	r.Spec = &spec
	if m := a.Match; m != nil {
		r.Method = "weight"
		if a.method != "" {
			r.Method = a.method
		}
		r.Match = &MatchReport{m.ObjectiveBefore, m.ObjectiveAfter, m.L2Before, m.L2After, len(m.Starts), m.Sweeps, m.Moved, m.Seconds, m.Stopped, a.learntReport()}
	}
	return r
}

func (a *Alignment) learntReport() *LearntReport {
	if l := a.learnt; l != nil {
		return &LearntReport{l.Target, l.Before, l.After, l.Epochs, len(l.Best)}
	}
	return nil
}

// Describe says in half a sentence what a verification found.
func Describe(v *eval.Verification) string {
	measured := fmt.Sprintf("largest difference %.2g (%.1g of the largest output) over %d runs on %s", v.MaxAbs, v.MaxRel, v.Samples, v.Inputs)
	switch {
	case v.Reason == "":
		return measured
	case v.Samples == 0:
		return v.Reason
	}
	return v.Reason + "; " + measured
}
