package f32

import "golang.org/x/sys/cpu"

// detect asks the processor and, through the saved-state flags that x/sys/cpu reads, the operating system.
func detect() isa {
	x := cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return portable
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return avx512
	}
	return avx2
}
