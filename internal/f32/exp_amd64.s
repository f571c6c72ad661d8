#include "textflag.h"

// Exponentials and what is made of them, 8 lanes at a time; n is a multiple of 8.
//
//	exp x   = 2ⁿ·(1 + r + r²·P(r))            n the integer nearest to x/ln 2, r = x - n·ln 2
//	sigmoid = exp(-|x|) or 1, over 1 + exp(-|x|)
//	tanh x  = x + x³·P(x²) below 0.625, else 1 - 2·exp(-2|x|)/(1 + exp(-2|x|))
//	erf x   = x + x·P(x²) below 0.92, else 1 - exp(-P(|x|))
//
// The polynomials are minimax fits of the relative error: 3e-9 (exp), 4e-9 (tanh), 6e-10 and 2e-9 (erf).

DATA real<>+0(SB)/4, $1.442695 // 1/ln 2
DATA real<>+4(SB)/4, $-0.69314575 // -ln 2, the first 15 bits: products with n are exact
DATA real<>+8(SB)/4, $-1.4286068e-06 // -ln 2, the rest
DATA real<>+12(SB)/4, $0.0013814599 // P of exp, highest power first
DATA real<>+16(SB)/4, $0.008368717
DATA real<>+20(SB)/4, $0.04166839
DATA real<>+24(SB)/4, $0.16666521
DATA real<>+28(SB)/4, $0.49999994
DATA real<>+32(SB)/4, $-0.005704987 // P of tanh
DATA real<>+36(SB)/4, $0.020639086
DATA real<>+40(SB)/4, $-0.053739715
DATA real<>+44(SB)/4, $0.13331442
DATA real<>+48(SB)/4, $-0.3333328
DATA real<>+52(SB)/4, $8.18509e-05 // P of erf below 0.92
DATA real<>+56(SB)/4, $-0.00080977025
DATA real<>+60(SB)/4, $0.005196952
DATA real<>+64(SB)/4, $-0.026857706
DATA real<>+68(SB)/4, $0.11283664
DATA real<>+72(SB)/4, $-0.37612632
DATA real<>+76(SB)/4, $0.12837917
DATA real<>+80(SB)/4, $-0.00019821967 // P of erf from 0.92 on, negated by its caller
DATA real<>+84(SB)/4, $0.0030654904
DATA real<>+88(SB)/4, $-0.022315213
DATA real<>+92(SB)/4, $0.104113676
DATA real<>+96(SB)/4, $0.63697606
DATA real<>+100(SB)/4, $1.1277972
DATA real<>+104(SB)/4, $0.00016644761
DATA real<>+108(SB)/4, $1.0
DATA real<>+112(SB)/4, $89.0 // exp of more is +Inf
DATA real<>+116(SB)/4, $-104.0 // exp of less is 0
DATA real<>+120(SB)/4, $0.625
DATA real<>+124(SB)/4, $0.92
DATA real<>+128(SB)/4, $3.95 // erf of more is 1
DATA real<>+132(SB)/4, $-2.0
DATA real<>+136(SB)/4, $127 // exponent bias
DATA real<>+140(SB)/4, $0x7fffffff // all bits but the sign
GLOBL real<>(SB), RODATA|NOPTR, $144

#define CONST(at, y) VBROADCASTSS real<>+at(SB), y

// EXPCONSTS prepares Y4 to Y15 for EXP.
#define EXPCONSTS \
	CONST(0, Y15); \
	CONST(4, Y14); \
	CONST(8, Y13); \
	CONST(12, Y12); \
	CONST(16, Y11); \
	CONST(20, Y10); \
	CONST(24, Y9); \
	CONST(28, Y8); \
	CONST(108, Y7); \
	CONST(112, Y6); \
	CONST(116, Y5); \
	CONST(136, Y4)

// EXPNEG replaces Y0, not positive, by its exponential and uses Y1 to Y3. The power of 2 is applied in two halves, so
// that results below the normal range come out right. NaN passes through.
#define EXPNEG \
	VMAXPS Y0, Y5, Y0; \
	VMULPS Y15, Y0, Y1; \
	VROUNDPS $0, Y1, Y1; \
	VFMADD231PS Y14, Y1, Y0; \
	VFMADD231PS Y13, Y1, Y0; \
	VCVTPS2DQ Y1, Y1; \
	VMOVAPS Y12, Y2; \
	VFMADD213PS Y11, Y0, Y2; \
	VFMADD213PS Y10, Y0, Y2; \
	VFMADD213PS Y9, Y0, Y2; \
	VFMADD213PS Y8, Y0, Y2; \
	VMULPS Y0, Y0, Y3; \
	VFMADD213PS Y0, Y3, Y2; \
	VADDPS Y7, Y2, Y2; \
	VPSRAD $1, Y1, Y0; \
	VPSUBD Y0, Y1, Y1; \
	VPADDD Y4, Y0, Y0; \
	VPADDD Y4, Y1, Y1; \
	VPSLLD $23, Y0, Y0; \
	VPSLLD $23, Y1, Y1; \
	VMULPS Y0, Y2, Y2; \
	VMULPS Y1, Y2, Y0

// EXP is EXPNEG for numbers of either sign.
#define EXP \
	VMINPS Y0, Y6, Y0; \
	EXPNEG

#define NEXT \
	VMOVUPS Y0, (DI); \
	ADDQ $32, DI; \
	ADDQ $32, SI; \
	SUBQ $8, CX; \
	JNE loop; \
	VZEROUPPER; \
	RET

// func expAVX2(dst, x *float32, n int)
TEXT ·expAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	EXPCONSTS

loop:
	VMOVUPS (SI), Y0
	EXP
	NEXT

// func sigmoidAVX2(dst, x *float32, n int)
TEXT ·sigmoidAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	EXPCONSTS
	CONST(140, Y6) // in place of the upper bound

loop:
	VMOVUPS (SI), Y0
	VPXOR Y1, Y1, Y1
	VANDPS Y6, Y0, Y0
	VSUBPS Y0, Y1, Y0 // -|x|
	EXPNEG
	VMOVUPS (SI), Y1
	VBLENDVPS Y1, Y0, Y7, Y2 // where the sign is set, the exponential, else 1
	VADDPS Y7, Y0, Y0
	VDIVPS Y0, Y2, Y0
	NEXT

// func tanhAVX2(dst, x *float32, n int)
TEXT ·tanhAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	EXPCONSTS
	CONST(140, Y6)

loop:
	VANDPS (SI), Y6, Y0
	CONST(132, Y1)
	VMULPS Y1, Y0, Y0
	EXPNEG
	VADDPS Y7, Y0, Y1
	VADDPS Y0, Y0, Y0
	VDIVPS Y1, Y0, Y0
	VSUBPS Y0, Y7, Y0 // 1 - 2e/(1+e)
	VMOVUPS (SI), Y1
	VANDNPS Y1, Y6, Y2
	VORPS Y2, Y0, Y0 // with the sign of x
	VMULPS Y1, Y1, Y2
	CONST(32, Y3)
	CONST(36, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(40, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(44, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(48, Y12)
	VFMADD213PS Y12, Y2, Y3
	VMULPS Y1, Y2, Y2
	VFMADD213PS Y1, Y2, Y3 // x + x³·P
	VANDPS Y6, Y1, Y1
	CONST(120, Y2)
	VCMPPS $1, Y2, Y1, Y1
	VBLENDVPS Y1, Y3, Y0, Y0
	CONST(12, Y12)
	NEXT

// func erfAVX2(dst, x *float32, n int)
TEXT ·erfAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	EXPCONSTS
	CONST(140, Y6)

loop:
	VANDPS (SI), Y6, Y0
	CONST(128, Y1)
	VMINPS Y0, Y1, Y0
	CONST(80, Y1)
	CONST(84, Y2)
	VFMADD213PS Y2, Y0, Y1
	CONST(88, Y2)
	VFMADD213PS Y2, Y0, Y1
	CONST(92, Y2)
	VFMADD213PS Y2, Y0, Y1
	CONST(96, Y2)
	VFMADD213PS Y2, Y0, Y1
	CONST(100, Y2)
	VFMADD213PS Y2, Y0, Y1
	CONST(104, Y2)
	VFMADD213PS Y2, Y0, Y1
	VPXOR Y2, Y2, Y2
	VSUBPS Y1, Y2, Y0
	EXPNEG
	VSUBPS Y0, Y7, Y0
	VMOVUPS (SI), Y1
	VANDNPS Y1, Y6, Y2
	VORPS Y2, Y0, Y0 // with the sign of x
	VMULPS Y1, Y1, Y2
	CONST(52, Y3)
	CONST(56, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(60, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(64, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(68, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(72, Y12)
	VFMADD213PS Y12, Y2, Y3
	CONST(76, Y12)
	VFMADD213PS Y12, Y2, Y3
	VFMADD213PS Y1, Y1, Y3 // x + x·P
	VANDPS Y6, Y1, Y1
	CONST(124, Y2)
	VCMPPS $1, Y2, Y1, Y1
	VBLENDVPS Y1, Y3, Y0, Y0
	CONST(12, Y12)
	NEXT
