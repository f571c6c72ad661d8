package eval

import (
	"os"
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// Diagnosis says what models can be run with on this machine.
type Diagnosis struct {
	Go       string   `json:"go"`       // version that the program was built with
	Platform string   `json:"platform"` // linux/amd64
	Cores    int      `json:"cores"`
	Features []string `json:"features"` // of the processor, those that kernels may use
	Kernels  string   `json:"kernels"`  // that the onnx-go backend uses: avx512, avx2, neon or portable

	Runtime RuntimeDiagnosis `json:"onnxruntime"`
}

// RuntimeDiagnosis says whether ONNX Runtime was found and works.
type RuntimeDiagnosis struct {
	OK       bool        `json:"ok"`
	Path     string      `json:"path,omitempty"`
	Version  string      `json:"version,omitempty"`
	NamedBy  string      `json:"named_by,omitempty"` // "--ort-lib" or "$ONNXRUNTIME_LIB"; then nothing is searched
	Error    string      `json:"error,omitempty"`
	Searched []ort.Place `json:"searched,omitempty"`
	HowToGet string      `json:"how_to_get"`
}

// Diagnose looks for ONNX Runtime as Open does, and loads it.
func Diagnose(opts OpenOptions) *Diagnosis {
	d := &Diagnosis{
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.GOMAXPROCS(0),
		Features: features(), Kernels: f32.ISA(),
	}
	r := &d.Runtime
	r.HowToGet = ort.HowToGet()
	switch {
	case opts.Library != "":
		r.NamedBy = "--ort-lib"
	case os.Getenv(ort.LibraryEnv) != "":
		r.NamedBy = "$" + ort.LibraryEnv
	default:
		r.Searched = ort.Places()
	}
	lib, err := ort.Load(opts.Library)
	if err != nil {
		r.Error = err.Error()
		return d
	}
	r.OK, r.Path, r.Version = true, lib.Path, lib.Version
	return d
}

// features lists the extensions of the processor that matter for arithmetic.
func features() []string {
	out := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx", cpu.X86.HasAVX}, {"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"bmi2", cpu.X86.HasBMI2},
		{"avx512f", cpu.X86.HasAVX512F}, {"avx512bw", cpu.X86.HasAVX512BW}, {"avx512dq", cpu.X86.HasAVX512DQ},
		{"avx512vl", cpu.X86.HasAVX512VL}, {"avx512vnni", cpu.X86.HasAVX512VNNI}, {"avx512bf16", cpu.X86.HasAVX512BF16},
		{"asimd", cpu.ARM64.HasASIMD}, {"asimdhp", cpu.ARM64.HasASIMDHP}, {"asimddp", cpu.ARM64.HasASIMDDP}, {"sve", cpu.ARM64.HasSVE},
	} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}
