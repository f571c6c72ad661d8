#include "textflag.h"

DATA eight<>+0(SB)/4, $0
DATA eight<>+4(SB)/4, $1
DATA eight<>+8(SB)/4, $2
DATA eight<>+12(SB)/4, $3
DATA eight<>+16(SB)/4, $4
DATA eight<>+20(SB)/4, $5
DATA eight<>+24(SB)/4, $6
DATA eight<>+28(SB)/4, $7
GLOBL eight<>(SB), RODATA|NOPTR, $32

// Filters go over n gains, a multiple of 8, which load brings in as float64 from as many
// bytes; half is where the fifth is. With AVX-512, Z0 holds gains, Z1 the
// profits, Y3 the columns; K3 gathers NaN and infinity (class 0x99).

#define FILTER512(load, bytes) \
	MOVQ gain+0(FP), SI; \
	MOVQ price+8(FP), DI; \
	MOVQ n+16(FP), CX; \
	VBROADCASTSD above+24(FP), Z2; \
	MOVL first+32(FP), AX; \
	VPBROADCASTD AX, Y3; \
	VPADDD eight<>(SB), Y3, Y3; \
	MOVL $8, AX; \
	VPBROADCASTD AX, Y4; \
	MOVQ out+40(FP), R8; \
	MOVQ room+48(FP), R9; \
	SUBQ $8, R9; \
	XORQ R10, R10; \
	KXORW K3, K3, K3; \
loop: \
	load (SI), Z0; \
	ADDQ $bytes, SI; \
	VFPCLASSPDZ $0x99, Z0, K2; \
	KORW K2, K3, K3; \
	VSUBPD (DI), Z0, Z1; \
	VCMPPD $0x1e, Z2, Z1, K1; \
	VPCOMPRESSD Y3, K1, Y5; \
	VMOVDQU32 Y5, (R8)(R10*4); \
	KMOVW K1, AX; \
	POPCNTL AX, AX; \
	ADDQ AX, R10; \
	CMPQ R10, R9; \
	JGT full; \
	VPADDD Y4, Y3, Y3; \
	ADDQ $64, DI; \
	SUBQ $8, CX; \
	JGT loop; \
done: \
	KMOVW K3, AX; \
	TESTL AX, AX; \
	SETNE bad+64(FP); \
	MOVQ R10, count+56(FP); \
	VZEROUPPER; \
	RET; \
full: \
	MOVQ $-1, R10; \
	JMP done

// func filter64AVX512(gain, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)
TEXT ·filter64AVX512(SB), NOSPLIT, $0-65
	FILTER512(VMOVUPD, 64)

// func filter32AVX512(gain *float32, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)
TEXT ·filter32AVX512(SB), NOSPLIT, $0-65
	FILTER512(VCVTPS2PD, 32)

// With AVX2, Y0 and Y1 hold gains, then profits; Y7 gathers gain - gain, which is zero
// where the gain is finite. R11 is the column.

#define FILTER256(load, half, bytes) \
	MOVQ gain+0(FP), SI; \
	MOVQ price+8(FP), DI; \
	MOVQ n+16(FP), CX; \
	VBROADCASTSD above+24(FP), Y2; \
	MOVL first+32(FP), R11; \
	MOVQ out+40(FP), R8; \
	MOVQ room+48(FP), R9; \
	SUBQ $8, R9; \
	XORQ R10, R10; \
	VXORPD Y7, Y7, Y7; \
loop: \
	load (SI), Y0; \
	load half(SI), Y1; \
	ADDQ $bytes, SI; \
	VSUBPD Y0, Y0, Y3; \
	VSUBPD Y1, Y1, Y4; \
	VORPD Y3, Y7, Y7; \
	VORPD Y4, Y7, Y7; \
	VSUBPD (DI), Y0, Y0; \
	VSUBPD 32(DI), Y1, Y1; \
	VCMPPD $0x1e, Y2, Y0, Y0; \
	VCMPPD $0x1e, Y2, Y1, Y1; \
	VMOVMSKPD Y0, AX; \
	VMOVMSKPD Y1, BX; \
	SHLL $4, BX; \
	ORL BX, AX; \
	JEQ next; \
	CMPQ R10, R9; \
	JGT full; \
list: \
	BSFL AX, BX; \
	ADDL R11, BX; \
	MOVL BX, (R8)(R10*4); \
	INCQ R10; \
	LEAL -1(AX), BX; \
	ANDL BX, AX; \
	JNE list; \
next: \
	ADDL $8, R11; \
	ADDQ $64, DI; \
	SUBQ $8, CX; \
	JGT loop; \
done: \
	VPTEST Y7, Y7; \
	SETNE bad+64(FP); \
	MOVQ R10, count+56(FP); \
	VZEROUPPER; \
	RET; \
full: \
	MOVQ $-1, R10; \
	JMP done

// func filter64AVX2(gain, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)
TEXT ·filter64AVX2(SB), NOSPLIT, $0-65
	FILTER256(VMOVUPD, 32, 64)

// func filter32AVX2(gain *float32, price *float64, n int, above float64, first int32, out *int32, room int) (count int, bad bool)
TEXT ·filter32AVX2(SB), NOSPLIT, $0-65
	FILTER256(VCVTPS2PD, 16, 32)
