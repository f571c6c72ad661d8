#include "textflag.h"

// func axpyAVX2(y, x *float32, n int, a float32)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-28
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS a+24(FP), Y2
	SUBQ $16, CX
	JLT last

loop:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VFMADD231PS (SI), Y2, Y0
	VFMADD231PS 32(SI), Y2, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, DI
	ADDQ $64, SI
	SUBQ $16, CX
	JGE loop

last:
	ADDQ $16, CX
	JE done

one:
	VMOVSS (DI), X0
	VFMADD231SS (SI), X2, X0
	VMOVSS X0, (DI)
	ADDQ $4, DI
	ADDQ $4, SI
	DECQ CX
	JNE one

done:
	VZEROUPPER
	RET

// BINARY stores op of the CX elements at SI and DX at DI; CX is a multiple of 8, here and below.
#define BINARY(op) \
	XORL AX, AX; \
	SUBQ $16, CX; \
	JLT last; \
loop: \
	VMOVUPS (SI)(AX*4), Y0; \
	VMOVUPS 32(SI)(AX*4), Y1; \
	op (DX)(AX*4), Y0, Y0; \
	op 32(DX)(AX*4), Y1, Y1; \
	VMOVUPS Y0, (DI)(AX*4); \
	VMOVUPS Y1, 32(DI)(AX*4); \
	ADDQ $16, AX; \
	SUBQ $16, CX; \
	JGE loop; \
last: \
	ADDQ $16, CX; \
	JE done; \
	VMOVUPS (SI)(AX*4), Y0; \
	op (DX)(AX*4), Y0, Y0; \
	VMOVUPS Y0, (DI)(AX*4); \
done: \
	VZEROUPPER; \
	RET

// func addAVX2(dst, a, b *float32, n int)
TEXT ·addAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VADDPS)

// func subAVX2(dst, a, b *float32, n int)
TEXT ·subAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VSUBPS)

// func mulAVX2(dst, a, b *float32, n int)
TEXT ·mulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VMULPS)

// func divAVX2(dst, a, b *float32, n int)
TEXT ·divAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VDIVPS)

// MAX sets c to the greater of a and b, NaN if one is: VMAXPS alone forgets a NaN in a.
#define MAX(a, b, c) \
	VMAXPS b, a, c; \
	VCMPPS $3, a, a, Y7; \
	VBLENDVPS Y7, a, c, c

// func greaterAVX2(dst, a, b *float32, n int)
TEXT ·greaterAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	XORL AX, AX

loop:
	VMOVUPS (SI)(AX*4), Y0
	VMOVUPS (DX)(AX*4), Y1
	MAX(Y0, Y1, Y2)
	VMOVUPS Y2, (DI)(AX*4)
	ADDQ $8, AX
	SUBQ $8, CX
	JNE loop
	VZEROUPPER
	RET

// func greaterOfPairsAVX2(dst, x *float32, n int)
TEXT ·greaterOfPairsAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VSHUFPS $0x88, Y1, Y0, Y2 // even elements, in quarters 0 2 1 3
	VSHUFPS $0xdd, Y1, Y0, Y3
	MAX(Y2, Y3, Y4)
	VPERMPD $0xd8, Y4, Y4
	VMOVUPS Y4, (DI)
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNE loop
	VZEROUPPER
	RET

// func affineAVX2(dst, x *float32, n int, scale, shift, floor float32)
TEXT ·affineAVX2(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS scale+24(FP), Y2
	VBROADCASTSS shift+28(FP), Y3
	VBROADCASTSS floor+32(FP), Y4
	TESTQ CX, CX
	JE done

loop:
	VMULPS (SI), Y2, Y0
	VADDPS Y3, Y0, Y0
	VMAXPS Y0, Y4, Y0 // Y0 when it is NaN
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JNE loop

done:
	VZEROUPPER
	RET
