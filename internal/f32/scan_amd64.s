#include "textflag.h"
#include "go_asm.h"

// Row scans of the assignment problem. Arithmetic is in float64, whichever type the gains have: a LOAD is VCVTPS2PD for
// float32 and VMOVUPD for float64.

DATA count<>+0(SB)/8, $0
DATA count<>+8(SB)/8, $1
DATA count<>+16(SB)/8, $2
DATA count<>+24(SB)/8, $3
DATA count<>+32(SB)/8, $4
DATA count<>+40(SB)/8, $5
DATA count<>+48(SB)/8, $6
DATA count<>+56(SB)/8, $7
GLOBL count<>(SB), RODATA|NOPTR, $64

DATA count32<>+0(SB)/4, $0
DATA count32<>+4(SB)/4, $1
DATA count32<>+8(SB)/4, $2
DATA count32<>+12(SB)/4, $3
DATA count32<>+16(SB)/4, $4
DATA count32<>+20(SB)/4, $5
DATA count32<>+24(SB)/4, $6
DATA count32<>+28(SB)/4, $7
GLOBL count32<>(SB), RODATA|NOPTR, $32

// RELAXARGS loads the fields of the relaxation at R9: SI gain, DX price, DI dist, R8 from, CX columns, AX the first.
#define RELAXARGS \
	MOVQ relaxation_gain(R9), SI; \
	MOVQ relaxation_price(R9), DX; \
	MOVQ relaxation_dist(R9), DI; \
	MOVQ relaxation_from(R9), R8; \
	MOVQ relaxation_n(R9), CX; \
	XORL AX, AX; \
	MOVQ $0x7ff0000000000000, R10; \
	MOVQ $-0x10000000000000, R11; \
	MOVQ $8, R12

// Each lane keeps its least distance in Z1 and the column in Z2; Z3 counts columns.
#define RELAX512(LOAD, shift) \
	RELAXARGS; \
	VBROADCASTSD relaxation_base(R9), Z5; \
	VPBROADCASTD relaxation_row(R9), Y6; \
	VPBROADCASTQ R10, Z1; \
	VPBROADCASTQ R11, Z7; \
	VPXORQ Z2, Z2, Z2; \
	VMOVDQU64 count<>(SB), Z3; \
	VPBROADCASTQ R12, Z4; \
loop: \
	LOAD (SI)(AX*shift), Z0; \
	VSUBPD (DX)(AX*8), Z0, Z0; \
	VSUBPD Z0, Z5, Z0; \
	VMOVUPD (DI)(AX*8), Z8; \
	VCMPPD $1, Z8, Z0, K1; \
	VMINPD Z8, Z0, Z0; \
	VMOVUPD Z0, K1, (DI)(AX*8); \
	VMOVDQU32 Y6, K1, (R8)(AX*4); \
	VCMPPD $1, Z0, Z7, K2; \
	VCMPPD $1, Z1, Z0, K2, K3; \
	VMOVAPD Z0, K3, Z1; \
	VMOVDQA64 Z3, K3, Z2; \
	VPADDQ Z4, Z3, Z3; \
	ADDQ $8, AX; \
	CMPQ AX, CX; \
	JLT loop; \
	VMOVUPD Z1, relaxation_least(R9); \
	VMOVDQU64 Z2, relaxation_col(R9); \
	VZEROUPPER; \
	RET

// func relax32AVX512(r *relaxation)
TEXT ·relax32AVX512(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), R9
	RELAX512(VCVTPS2PD, 4)

// func relax64AVX512(r *relaxation)
TEXT ·relax64AVX512(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), R9
	RELAX512(VMOVUPD, 8)

// The same with four lanes; the masks of from are every second half of those of dist.
#define RELAX256(LOAD, shift) \
	RELAXARGS; \
	VBROADCASTSD relaxation_base(R9), Y5; \
	VPBROADCASTD relaxation_row(R9), X6; \
	VBROADCASTSD relaxation_least(R9), Y1; \
	VMOVQ R11, X7; \
	VPBROADCASTQ X7, Y7; \
	VPXOR Y2, Y2, Y2; \
	VMOVDQU count<>(SB), Y3; \
	VPBROADCASTQ count<>+32(SB), Y4; \
loop: \
	LOAD (SI)(AX*shift), Y0; \
	VSUBPD (DX)(AX*8), Y0, Y0; \
	VSUBPD Y0, Y5, Y0; \
	VMOVUPD (DI)(AX*8), Y8; \
	VCMPPD $1, Y8, Y0, Y9; \
	VMINPD Y8, Y0, Y0; \
	VMOVUPD Y0, (DI)(AX*8); \
	VEXTRACTF128 $1, Y9, X10; \
	VSHUFPS $0x88, X10, X9, X9; \
	VMASKMOVPS X6, X9, (R8)(AX*4); \
	VCMPPD $1, Y0, Y7, Y9; \
	VCMPPD $1, Y1, Y0, Y10; \
	VANDPD Y9, Y10, Y10; \
	VBLENDVPD Y10, Y0, Y1, Y1; \
	VBLENDVPD Y10, Y3, Y2, Y2; \
	VPADDQ Y4, Y3, Y3; \
	ADDQ $4, AX; \
	CMPQ AX, CX; \
	JLT loop; \
	VMOVUPD Y1, relaxation_least(R9); \
	VMOVDQU Y2, relaxation_col(R9); \
	VZEROUPPER; \
	RET

// func relax32AVX2(r *relaxation)
TEXT ·relax32AVX2(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), R9
	RELAX256(VCVTPS2PD, 4)

// func relax64AVX2(r *relaxation)
TEXT ·relax64AVX2(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), R9
	RELAX256(VMOVUPD, 8)

// ABOVE512 looks at 8 columns at a time: SI gain, DX price, CX columns, DI found, BX places there, Z5 the bound. It
// ends with AX columns looked at and R8 found, when fewer than 8 columns or places are left.
#define ABOVE512(LOAD, shift) \
	XORL AX, AX; \
	XORL R8, R8; \
	SUBQ $8, CX; \
	SUBQ $8, BX; \
	VMOVDQU32 count32<>(SB), Y3; \
	VPBROADCASTD count<>+32(SB), Y4; \
	VPADDD Y4, Y4, Y4; \
loop: \
	CMPQ AX, CX; \
	JGT done; \
	CMPQ R8, BX; \
	JGT done; \
	LOAD (SI)(AX*shift), Z0; \
	VSUBPD (DX)(AX*8), Z0, Z0; \
	VCMPPD $1, Z0, Z5, K1; \
	VPCOMPRESSD Y3, K1, Y0; \
	VMOVDQU32 Y0, (DI)(R8*4); \
	KMOVB K1, R9; \
	POPCNTL R9, R9; \
	ADDQ R9, R8; \
	VPADDD Y4, Y3, Y3; \
	ADDQ $8, AX; \
	JMP loop; \
done: \
	VZEROUPPER

// func above32AVX512(found *int32, room int, gain *float32, price *float64, n int, bound float64) (count, next int)
TEXT ·above32AVX512(SB), NOSPLIT, $0-64
	MOVQ found+0(FP), DI
	MOVQ room+8(FP), BX
	MOVQ gain+16(FP), SI
	MOVQ price+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSD bound+40(FP), Z5
	ABOVE512(VCVTPS2PD, 4)
	MOVQ R8, count+48(FP)
	MOVQ AX, next+56(FP)
	RET

// func above64AVX512(found *int32, room int, gain, price *float64, n int, bound float64) (count, next int)
TEXT ·above64AVX512(SB), NOSPLIT, $0-64
	MOVQ found+0(FP), DI
	MOVQ room+8(FP), BX
	MOVQ gain+16(FP), SI
	MOVQ price+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSD bound+40(FP), Z5
	ABOVE512(VMOVUPD, 8)
	MOVQ R8, count+48(FP)
	MOVQ AX, next+56(FP)
	RET

// ABOVE256 does the same; what is found, which should be little, it stores one by one.
#define ABOVE256(LOAD, shift) \
	XORL AX, AX; \
	XORL R8, R8; \
	SUBQ $8, CX; \
	SUBQ $8, BX; \
loop: \
	CMPQ AX, CX; \
	JGT done; \
	CMPQ R8, BX; \
	JGT done; \
	LOAD (SI)(AX*shift), Y0; \
	LOAD (4*shift)(SI)(AX*shift), Y1; \
	VSUBPD (DX)(AX*8), Y0, Y0; \
	VSUBPD 32(DX)(AX*8), Y1, Y1; \
	VCMPPD $1, Y0, Y5, Y0; \
	VCMPPD $1, Y1, Y5, Y1; \
	VMOVMSKPD Y0, R9; \
	VMOVMSKPD Y1, R10; \
	SHLL $4, R10; \
	ORL R10, R9; \
	JE next; \
bit: \
	TZCNTL R9, R10; \
	ADDL AX, R10; \
	MOVL R10, (DI)(R8*4); \
	INCQ R8; \
	LEAL -1(R9), R10; \
	ANDL R10, R9; \
	JNE bit; \
next: \
	ADDQ $8, AX; \
	JMP loop; \
done: \
	VZEROUPPER

// func above32AVX2(found *int32, room int, gain *float32, price *float64, n int, bound float64) (count, next int)
TEXT ·above32AVX2(SB), NOSPLIT, $0-64
	MOVQ found+0(FP), DI
	MOVQ room+8(FP), BX
	MOVQ gain+16(FP), SI
	MOVQ price+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSD bound+40(FP), Y5
	ABOVE256(VCVTPS2PD, 4)
	MOVQ R8, count+48(FP)
	MOVQ AX, next+56(FP)
	RET

// func above64AVX2(found *int32, room int, gain, price *float64, n int, bound float64) (count, next int)
TEXT ·above64AVX2(SB), NOSPLIT, $0-64
	MOVQ found+0(FP), DI
	MOVQ room+8(FP), BX
	MOVQ gain+16(FP), SI
	MOVQ price+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSD bound+40(FP), Y5
	ABOVE256(VMOVUPD, 8)
	MOVQ R8, count+48(FP)
	MOVQ AX, next+56(FP)
	RET
