package f32

import "golang.org/x/sys/cpu"

// families are those this machine supports, by the flags of the processor and, through the register state that
// x/sys/cpu asks for, of the operating system.
var families = detect(cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2,
	cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL)

func detect(has256, has512 bool) []isa {
	switch {
	case has256 && has512:
		return []isa{portable, avx2, avx512}
	case has256:
		return []isa{portable, avx2}
	}
	return []isa{portable}
}
