#include "textflag.h"

// func copyRowsAVX512(dst *float32, ldd int, src *float32, base int, rows *int, m, n int)
TEXT ·copyRowsAVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ base+24(FP), AX
	LEAQ (SI)(AX*4), SI
	MOVQ rows+32(FP), BX
	MOVQ m+40(FP), R8
	MOVQ n+48(FP), CX
	SHLQ $2, DX
	MOVQ $-1, AX
	BZHIQ CX, AX, AX
	KMOVW AX, K1
	SHRQ $16, AX
	KMOVW AX, K2
	TESTQ R8, R8
	JE done
	CMPQ CX, $16
	JLE narrow

loop:
	MOVQ (BX), R9
	ADDQ $8, BX
	LEAQ (SI)(R9*4), R9
	VMOVUPS (R9), Z0
	VMOVUPS.Z 64(R9), K2, Z1
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, K2, 64(DI)
	ADDQ DX, DI
	DECQ R8
	JNZ loop
	VZEROUPPER
	RET

narrow: // two rows at a time
	SUBQ $2, R8
	JLT one

narrow2:
	MOVQ (BX), R9
	MOVQ 8(BX), R10
	ADDQ $16, BX
	VMOVUPS.Z (SI)(R9*4), K1, Z0
	VMOVUPS.Z (SI)(R10*4), K1, Z1
	VMOVUPS Z0, K1, (DI)
	VMOVUPS Z1, K1, (DI)(DX*1)
	LEAQ (DI)(DX*2), DI
	SUBQ $2, R8
	JGE narrow2

one:
	ADDQ $2, R8
	JE end
	MOVQ (BX), R9
	VMOVUPS.Z (SI)(R9*4), K1, Z0
	VMOVUPS Z0, K1, (DI)

end:
	VZEROUPPER

done:
	RET

// func copyRows16AVX2(dst *float32, ldd int, src *float32, base int, rows *int, m int)
TEXT ·copyRows16AVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ base+24(FP), AX
	LEAQ (SI)(AX*4), SI
	MOVQ rows+32(FP), BX
	MOVQ m+40(FP), R8
	SHLQ $2, DX
	TESTQ R8, R8
	JE done

loop:
	MOVQ (BX), R9
	ADDQ $8, BX
	LEAQ (SI)(R9*4), R9
	VMOVUPS (R9), Y0
	VMOVUPS 32(R9), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ DX, DI
	DECQ R8
	JNZ loop
	VZEROUPPER

done:
	RET

// The transpose works on 8 by 8 blocks: interleaving singles, then pairs, then halves.
//
//	r0 = a0 a1 ... a7        a0 b0 c0 d0 e0 f0 g0 h0
//	r1 = b0 b1 ... b7   ->   a1 b1 c1 d1 e1 f1 g1 h1
//	...                      ...

// func transpose8AVX2(dst *float32, ldd int, src *float32, base int, cols *int, blocks int)
TEXT ·transpose8AVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), SI
	MOVQ src+16(FP), AX
	MOVQ base+24(FP), BX
	LEAQ (AX)(BX*4), AX
	MOVQ cols+32(FP), BX
	MOVQ blocks+40(FP), CX
	TESTQ CX, CX
	JE done
	SHLQ $2, SI
	MOVQ (BX), R8
	MOVQ 8(BX), R9
	MOVQ 16(BX), R10
	MOVQ 24(BX), R11
	MOVQ 32(BX), R12
	MOVQ 40(BX), R13
	MOVQ 48(BX), R14
	MOVQ 56(BX), DX
	LEAQ (SI)(SI*2), BX

loop:
	VMOVUPS (AX)(R8*4), Y0
	VMOVUPS (AX)(R9*4), Y1
	VMOVUPS (AX)(R10*4), Y2
	VMOVUPS (AX)(R11*4), Y3
	VMOVUPS (AX)(R12*4), Y4
	VMOVUPS (AX)(R13*4), Y5
	VMOVUPS (AX)(R14*4), Y6
	VMOVUPS (AX)(DX*4), Y7
	ADDQ $32, AX
	VUNPCKLPS Y1, Y0, Y8  // a0 b0 a1 b1 | a4 b4 a5 b5
	VUNPCKHPS Y1, Y0, Y9  // a2 b2 a3 b3 | ...
	VUNPCKLPS Y3, Y2, Y10 // c0 d0 c1 d1
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15
	VUNPCKLPD Y10, Y8, Y0  // a0 b0 c0 d0 | a4 b4 c4 d4
	VUNPCKHPD Y10, Y8, Y1  // a1 b1 c1 d1
	VUNPCKLPD Y11, Y9, Y2
	VUNPCKHPD Y11, Y9, Y3
	VUNPCKLPD Y14, Y12, Y4 // e0 f0 g0 h0 | e4 f4 g4 h4
	VUNPCKHPD Y14, Y12, Y5
	VUNPCKLPD Y15, Y13, Y6
	VUNPCKHPD Y15, Y13, Y7
	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(SI*1)
	VMOVUPS Y10, (DI)(SI*2)
	VMOVUPS Y11, (DI)(BX*1)
	LEAQ (DI)(SI*4), DI
	VMOVUPS Y12, (DI)
	VMOVUPS Y13, (DI)(SI*1)
	VMOVUPS Y14, (DI)(SI*2)
	VMOVUPS Y15, (DI)(BX*1)
	LEAQ (DI)(SI*4), DI
	DECQ CX
	JNZ loop
	VZEROUPPER

done:
	RET

// func accumulate64AVX2(c *float64, ldc int, s *float32, lds, m, n int)
TEXT ·accumulate64AVX2(SB), NOSPLIT, $0-48
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), DX
	MOVQ s+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ m+32(FP), R8
	MOVQ n+40(FP), R9
	TESTQ R8, R8
	JE done
	SUBQ R9, DX // what is left of a row once its n columns are passed
	SUBQ R9, BX
	SHLQ $3, DX
	SHLQ $2, BX

row:
	MOVQ R9, CX
	SUBQ $8, CX
	JLT ones

eights:
	VCVTPS2PD (SI), Y0
	VCVTPS2PD 16(SI), Y1
	VADDPD (DI), Y0, Y0
	VADDPD 32(DI), Y1, Y1
	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	ADDQ $32, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JGE eights

ones:
	ADDQ $8, CX
	JE next

one:
	VXORPS X0, X0, X0
	VCVTSS2SD (SI), X0, X0
	VADDSD (DI), X0, X0
	VMOVSD X0, (DI)
	ADDQ $4, SI
	ADDQ $8, DI
	DECQ CX
	JNZ one

next:
	ADDQ DX, DI
	ADDQ BX, SI
	DECQ R8
	JNZ row
	VZEROUPPER

done:
	RET

// func fetchRows(c unsafe.Pointer, stride, m, n int)
TEXT ·fetchRows(SB), NOSPLIT, $0-32
	MOVQ c+0(FP), DI
	MOVQ stride+8(FP), DX
	MOVQ m+16(FP), R8
	MOVQ n+24(FP), R9
	TESTQ R8, R8
	JE done

row:
	XORQ CX, CX

line:
	PREFETCHT0 (DI)(CX*1)
	ADDQ $64, CX
	CMPQ CX, R9
	JLT line
	PREFETCHT0 -1(DI)(R9*1)
	ADDQ DX, DI
	DECQ R8
	JNZ row

done:
	RET
