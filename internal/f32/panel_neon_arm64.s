#include "textflag.h"
#include "go_asm.h"

// The NEON panel kernel: rows of A in blocks of 8, 4 and 1 against 8 columns of B held in two registers. It always reads
// and writes all 8 columns.
//
//	R8 ... R15    the block's rows of A at the current p      R4, R5    csa and rsa in bytes
//	R2, R3        B at the current p; ldb in bytes            R6, R7    the block's first row of A; rows left
//	R19, R20      C, walking down its rows; ldc in bytes      R1, R21   multiply-adds left; whether to add
//	V0, V1        a row of B      V2, V3  elements of A       V6, V7    alpha, one
//	V8 ... V23    two accumulators a row                      V26       minus zero, to which adding changes nothing

#define FMA(p, e, c0, c1) \
	VLD1R.P (p)(R4), [e.S4]; \
	VFMLA V0.S4, e.S4, c0.S4; \
	VFMLA V1.S4, e.S4, c1.S4

#define LOADB \
	VLD1 (R2), [V0.S4, V1.S4]; \
	ADD R3, R2

#define START \
	MOVD tile_b(R0), R2; \
	MOVD tile_k(R0), R1

#define ZERO4(c0, c1, c2, c3) \
	VEOR c0.B16, c0.B16, c0.B16; \
	VEOR c1.B16, c1.B16, c1.B16; \
	VEOR c2.B16, c2.B16, c2.B16; \
	VEOR c3.B16, c3.B16, c3.B16

// There is no vector multiplication but VFMLA: alpha·c is -0 + alpha·c, and x + y is x + 1·y.
#define STORE(c0, c1) \
	VMOV V26.B16, V24.B16; \
	VMOV V26.B16, V25.B16; \
	VFMLA c0.S4, V6.S4, V24.S4; \
	VFMLA c1.S4, V6.S4, V25.S4; \
	VST1 [V24.S4, V25.S4], (R19); \
	ADD R20, R19

#define ADDTO(c0, c1) \
	VMOV V26.B16, V24.B16; \
	VMOV V26.B16, V25.B16; \
	VFMLA c0.S4, V6.S4, V24.S4; \
	VFMLA c1.S4, V6.S4, V25.S4; \
	VLD1 (R19), [V2.S4, V3.S4]; \
	VFMLA V24.S4, V7.S4, V2.S4; \
	VFMLA V25.S4, V7.S4, V3.S4; \
	VST1 [V2.S4, V3.S4], (R19); \
	ADD R20, R19

// func panelNEON(t *tile)
TEXT ·panelNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD tile_a(R0), R6
	MOVD tile_rsa(R0), R5
	LSL $2, R5
	MOVD tile_csa(R0), R4
	LSL $2, R4
	MOVD tile_ldb(R0), R3
	LSL $2, R3
	MOVD tile_c(R0), R19
	MOVD tile_ldc(R0), R20
	LSL $2, R20
	MOVD tile_m(R0), R7
	MOVBU tile_add(R0), R21
	MOVWU tile_alpha(R0), R22
	VDUP R22, V6.S4
	MOVD $0x3f800000, R22
	VDUP R22, V7.S4
	MOVD $0x80000000, R22
	VDUP R22, V26.S4

rows8:
	CMP $8, R7
	BLT rows4
	START
	MOVD R6, R8
	ADD R5, R8, R9
	ADD R5, R9, R10
	ADD R5, R10, R11
	ADD R5, R11, R12
	ADD R5, R12, R13
	ADD R5, R13, R14
	ADD R5, R14, R15
	ADD R5, R15, R6
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	ZERO4(V16, V17, V18, V19)
	ZERO4(V20, V21, V22, V23)

loop8:
	LOADB
	FMA(R8, V2, V8, V9)
	FMA(R9, V3, V10, V11)
	FMA(R10, V4, V12, V13)
	FMA(R11, V5, V14, V15)
	FMA(R12, V2, V16, V17)
	FMA(R13, V3, V18, V19)
	FMA(R14, V4, V20, V21)
	FMA(R15, V5, V22, V23)
	SUBS $1, R1
	BNE loop8
	SUB $8, R7
	CBNZ R21, add8
	STORE(V8, V9)
	STORE(V10, V11)
	STORE(V12, V13)
	STORE(V14, V15)
	STORE(V16, V17)
	STORE(V18, V19)
	STORE(V20, V21)
	STORE(V22, V23)
	B rows8

add8:
	ADDTO(V8, V9)
	ADDTO(V10, V11)
	ADDTO(V12, V13)
	ADDTO(V14, V15)
	ADDTO(V16, V17)
	ADDTO(V18, V19)
	ADDTO(V20, V21)
	ADDTO(V22, V23)
	B rows8

rows4:
	CMP $4, R7
	BLT rows1
	START
	MOVD R6, R8
	ADD R5, R8, R9
	ADD R5, R9, R10
	ADD R5, R10, R11
	ADD R5, R11, R6
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

loop4:
	LOADB
	FMA(R8, V2, V8, V9)
	FMA(R9, V3, V10, V11)
	FMA(R10, V4, V12, V13)
	FMA(R11, V5, V14, V15)
	SUBS $1, R1
	BNE loop4
	SUB $4, R7
	CBNZ R21, add4
	STORE(V8, V9)
	STORE(V10, V11)
	STORE(V12, V13)
	STORE(V14, V15)
	B rows1

add4:
	ADDTO(V8, V9)
	ADDTO(V10, V11)
	ADDTO(V12, V13)
	ADDTO(V14, V15)

rows1:
	CBZ R7, done
	START
	MOVD R6, R8
	ADD R5, R6
	ZERO4(V8, V9, V8, V9)

loop1:
	LOADB
	FMA(R8, V2, V8, V9)
	SUBS $1, R1
	BNE loop1
	SUB $1, R7
	CBNZ R21, add1
	STORE(V8, V9)
	B rows1

add1:
	ADDTO(V8, V9)
	B rows1

done:
	RET

// func copyRows8NEON(dst *float32, ldd int, src *float32, base int, rows *int, m int)
TEXT ·copyRows8NEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD ldd+8(FP), R1
	MOVD src+16(FP), R2
	MOVD base+24(FP), R3
	MOVD rows+32(FP), R4
	MOVD m+40(FP), R5
	LSL $2, R1
	ADD R3<<2, R2

loop:
	MOVD.P 8(R4), R6
	ADD R6<<2, R2, R6
	VLD1 (R6), [V0.S4, V1.S4]
	VST1 [V0.S4, V1.S4], (R0)
	ADD R1, R0
	SUBS $1, R5
	BNE loop
	RET
