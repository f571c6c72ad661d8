#include "textflag.h"
#include "go_asm.h"

// The AVX-512 panel kernel: rows of A in blocks of 12, 8, 4, 2 and 1 against 32 columns of B held in two registers.
// A block of 12 keeps 24 sums, which hides the latency of the multiply-add twice over and asks for 14 loads per
// 24 of them.
//
//	R8, R9, R10   rows 0, 4 and 8 of the block at the current p     AX, BX, CX  rsa, 3·rsa, csa in bytes
//	DX, R11       B at the current p; ldb in bytes                  SI          the block's first row of A
//	R12, R13      C, walking down its rows; ldc in bytes            R14         multiply-adds left
//	Z0, Z1        a row of B        Z2  an element of A             Z3          alpha
//	Z8 ... Z31    two accumulators a row                            K1, K2      the columns there are

#define FMA(elem, c0, c1) \
	VBROADCASTSS elem, Z2; \
	VFMADD231PS Z0, Z2, c0; \
	VFMADD231PS Z1, Z2, c1

#define FMA4(p, c0, c1, c2, c3, c4, c5, c6, c7) \
	FMA((p), c0, c1); \
	FMA((p)(AX*1), c2, c3); \
	FMA((p)(AX*2), c4, c5); \
	FMA((p)(BX*1), c6, c7)

#define LOADB \
	VMOVUPS.Z (DX), K1, Z0; \
	VMOVUPS.Z 64(DX), K2, Z1; \
	ADDQ R11, DX

#define START \
	MOVQ tile_b(DI), DX; \
	MOVQ tile_k(DI), R14; \
	MOVQ SI, R8

#define ZERO2(c0, c1) \
	VPXORD c0, c0, c0; VPXORD c1, c1, c1

#define ZERO8(c0, c1, c2, c3, c4, c5, c6, c7) \
	ZERO2(c0, c1); ZERO2(c2, c3); ZERO2(c4, c5); ZERO2(c6, c7)

#define STORE(c0, c1) \
	VMULPS Z3, c0, c0; \
	VMULPS Z3, c1, c1; \
	VMOVUPS c0, K1, (R12); \
	VMOVUPS c1, K2, 64(R12); \
	ADDQ R13, R12

#define STORE4(c0, c1, c2, c3, c4, c5, c6, c7) \
	STORE(c0, c1); STORE(c2, c3); STORE(c4, c5); STORE(c6, c7)

#define ADD(c0, c1) \
	VMULPS Z3, c0, c0; \
	VMULPS Z3, c1, c1; \
	VADDPS (R12), c0, K1, c0; \
	VADDPS 64(R12), c1, K2, c1; \
	VMOVUPS c0, K1, (R12); \
	VMOVUPS c1, K2, 64(R12); \
	ADDQ R13, R12

#define ADD4(c0, c1, c2, c3, c4, c5, c6, c7) \
	ADD(c0, c1); ADD(c2, c3); ADD(c4, c5); ADD(c6, c7)

// func panelAVX512(t *tile)
TEXT ·panelAVX512(SB), NOSPLIT, $8-8
	MOVQ t+0(FP), DI
	MOVQ $-1, DX // the low n bits: K1 the first 16 columns, K2 the others
	MOVQ tile_n(DI), CX
	BZHIQ CX, DX, DX
	KMOVW DX, K1
	SHRQ $16, DX
	KMOVW DX, K2
	MOVQ tile_m(DI), CX
	MOVQ CX, left-8(SP)
	MOVQ tile_a(DI), SI
	MOVQ tile_rsa(DI), AX
	SHLQ $2, AX
	LEAQ (AX)(AX*2), BX
	MOVQ tile_csa(DI), CX
	SHLQ $2, CX
	MOVQ tile_ldb(DI), R11
	SHLQ $2, R11
	MOVQ tile_c(DI), R12
	MOVQ tile_ldc(DI), R13
	SHLQ $2, R13
	VBROADCASTSS tile_alpha(DI), Z3

rows12:
	CMPQ left-8(SP), $12
	JLT rows8
	START
	LEAQ (SI)(AX*4), R9
	LEAQ (SI)(AX*8), R10
	LEAQ (R10)(AX*4), SI
	ZERO8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ZERO8(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ZERO8(Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31)
	PCALIGN $32

loop12:
	LOADB
	FMA4(R8, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	FMA4(R9, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FMA4(R10, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31)
	ADDQ CX, R8
	ADDQ CX, R9
	ADDQ CX, R10
	DECQ R14
	JNZ loop12
	SUBQ $12, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add12
	STORE4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	STORE4(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	STORE4(Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31)
	JMP rows12

add12:
	ADD4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ADD4(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADD4(Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31)
	JMP rows12

rows8:
	CMPQ left-8(SP), $8
	JLT rows4
	START
	LEAQ (SI)(AX*4), R9
	LEAQ (SI)(AX*8), SI
	ZERO8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ZERO8(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	PCALIGN $32

loop8:
	LOADB
	FMA4(R8, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	FMA4(R9, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ CX, R8
	ADDQ CX, R9
	DECQ R14
	JNZ loop8
	SUBQ $8, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add8
	STORE4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	STORE4(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	JMP rows4

add8:
	ADD4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ADD4(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)

rows4:
	CMPQ left-8(SP), $4
	JLT rows2
	START
	LEAQ (SI)(AX*4), SI
	ZERO8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	PCALIGN $32

loop4:
	LOADB
	FMA4(R8, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ADDQ CX, R8
	DECQ R14
	JNZ loop4
	SUBQ $4, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add4
	STORE4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	JMP rows2

add4:
	ADD4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

rows2:
	CMPQ left-8(SP), $2
	JLT rows1
	START
	LEAQ (SI)(AX*2), SI
	ZERO2(Z8, Z9)
	ZERO2(Z10, Z11)

loop2:
	LOADB
	FMA((R8), Z8, Z9)
	FMA((R8)(AX*1), Z10, Z11)
	ADDQ CX, R8
	DECQ R14
	JNZ loop2
	SUBQ $2, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add2
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	JMP rows1

add2:
	ADD(Z8, Z9)
	ADD(Z10, Z11)

rows1:
	CMPQ left-8(SP), $1
	JLT done
	START
	ZERO2(Z8, Z9)

loop1:
	LOADB
	FMA((R8), Z8, Z9)
	ADDQ CX, R8
	DECQ R14
	JNZ loop1
	CMPB tile_add(DI), $0
	JNE add1
	STORE(Z8, Z9)
	JMP done

add1:
	ADD(Z8, Z9)

done:
	VZEROUPPER
	RET
