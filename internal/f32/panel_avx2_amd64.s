#include "textflag.h"
#include "go_asm.h"

// The AVX2 panel kernel: rows of A in blocks of 6, 4, 2 and 1 against 16 columns of B held in two registers. It always
// reads and writes all 16 columns.
//
//	R8, R9        rows 0 and 4 of the block at the current p        AX, BX, CX  rsa, 3·rsa, csa in bytes
//	DX, R11       B at the current p; ldb in bytes                  SI          the block's first row of A
//	R12, R13      C, walking down its rows; ldc in bytes            R14         multiply-adds left
//	Y0, Y1        a row of B        Y2  an element of A             Y3          alpha
//	Y4 ... Y15    two accumulators a row

#define FMA(elem, c0, c1) \
	VBROADCASTSS elem, Y2; \
	VFMADD231PS Y0, Y2, c0; \
	VFMADD231PS Y1, Y2, c1

#define FMA4(p, c0, c1, c2, c3, c4, c5, c6, c7) \
	FMA((p), c0, c1); \
	FMA((p)(AX*1), c2, c3); \
	FMA((p)(AX*2), c4, c5); \
	FMA((p)(BX*1), c6, c7)

#define LOADB \
	VMOVUPS (DX), Y0; \
	VMOVUPS 32(DX), Y1; \
	ADDQ R11, DX

#define START \
	MOVQ tile_b(DI), DX; \
	MOVQ tile_k(DI), R14; \
	MOVQ SI, R8

#define ZERO2(c0, c1) \
	VXORPS c0, c0, c0; VXORPS c1, c1, c1

#define ZERO8(c0, c1, c2, c3, c4, c5, c6, c7) \
	ZERO2(c0, c1); ZERO2(c2, c3); ZERO2(c4, c5); ZERO2(c6, c7)

#define STORE(c0, c1) \
	VMULPS Y3, c0, c0; \
	VMULPS Y3, c1, c1; \
	VMOVUPS c0, (R12); \
	VMOVUPS c1, 32(R12); \
	ADDQ R13, R12

#define STORE4(c0, c1, c2, c3, c4, c5, c6, c7) \
	STORE(c0, c1); STORE(c2, c3); STORE(c4, c5); STORE(c6, c7)

#define ADD(c0, c1) \
	VMULPS Y3, c0, c0; \
	VMULPS Y3, c1, c1; \
	VADDPS (R12), c0, c0; \
	VADDPS 32(R12), c1, c1; \
	VMOVUPS c0, (R12); \
	VMOVUPS c1, 32(R12); \
	ADDQ R13, R12

#define ADD4(c0, c1, c2, c3, c4, c5, c6, c7) \
	ADD(c0, c1); ADD(c2, c3); ADD(c4, c5); ADD(c6, c7)

// func panelAVX2(t *tile)
TEXT ·panelAVX2(SB), NOSPLIT, $8-8
	MOVQ t+0(FP), DI
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
	VBROADCASTSS tile_alpha(DI), Y3

rows6:
	CMPQ left-8(SP), $6
	JLT rows4
	START
	LEAQ (SI)(AX*4), R9
	LEAQ (R9)(AX*2), SI
	ZERO8(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	ZERO2(Y12, Y13)
	ZERO2(Y14, Y15)
	PCALIGN $32

loop6:
	LOADB
	FMA4(R8, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	FMA((R9), Y12, Y13)
	FMA((R9)(AX*1), Y14, Y15)
	ADDQ CX, R8
	ADDQ CX, R9
	DECQ R14
	JNZ loop6
	SUBQ $6, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add6
	STORE4(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	STORE(Y12, Y13)
	STORE(Y14, Y15)
	JMP rows6

add6:
	ADD4(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	ADD(Y12, Y13)
	ADD(Y14, Y15)
	JMP rows6

rows4:
	CMPQ left-8(SP), $4
	JLT rows2
	START
	LEAQ (SI)(AX*4), SI
	ZERO8(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	PCALIGN $32

loop4:
	LOADB
	FMA4(R8, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	ADDQ CX, R8
	DECQ R14
	JNZ loop4
	SUBQ $4, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add4
	STORE4(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	JMP rows2

add4:
	ADD4(Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)

rows2:
	CMPQ left-8(SP), $2
	JLT rows1
	START
	LEAQ (SI)(AX*2), SI
	ZERO2(Y4, Y5)
	ZERO2(Y6, Y7)

loop2:
	LOADB
	FMA((R8), Y4, Y5)
	FMA((R8)(AX*1), Y6, Y7)
	ADDQ CX, R8
	DECQ R14
	JNZ loop2
	SUBQ $2, left-8(SP)
	CMPB tile_add(DI), $0
	JNE add2
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	JMP rows1

add2:
	ADD(Y4, Y5)
	ADD(Y6, Y7)

rows1:
	CMPQ left-8(SP), $1
	JLT done
	START
	ZERO2(Y4, Y5)

loop1:
	LOADB
	FMA((R8), Y4, Y5)
	ADDQ CX, R8
	DECQ R14
	JNZ loop1
	CMPB tile_add(DI), $0
	JNE add1
	STORE(Y4, Y5)
	JMP done

add1:
	ADD(Y4, Y5)

done:
	VZEROUPPER
	RET
