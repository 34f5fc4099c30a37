#include "textflag.h"

// func productsAVX2(z *uint64, u *byte, blocks int) uint32
//
// Σ z·u over 32·blocks bytes. All are below 128, so that a sum of two products fits a
// signed word, and the signs of neither factor matter.
TEXT ·productsAVX2(SB), NOSPLIT, $0-28
	MOVQ z+0(FP), SI
	MOVQ u+8(FP), DI
	MOVQ blocks+16(FP), CX
	VPXOR Y0, Y0, Y0          // eight sums
	VPXOR Y4, Y4, Y4          // eight more
	VPCMPEQW Y3, Y3, Y3
	VPSRLW $15, Y3, Y3        // sixteen ones
	SHRQ $1, CX
	JCC pairs
	VMOVDQU (SI), Y1
	VPMADDUBSW (DI), Y1, Y1   // sums of two products
	VPMADDWD Y3, Y1, Y0       // sums of four
	ADDQ $32, SI
	ADDQ $32, DI
pairs:
	TESTQ CX, CX
	JZ done
loop:
	VMOVDQU (SI), Y1
	VMOVDQU 32(SI), Y2
	VPMADDUBSW (DI), Y1, Y1
	VPMADDUBSW 32(DI), Y2, Y2
	VPMADDWD Y3, Y1, Y1
	VPMADDWD Y3, Y2, Y2
	VPADDD Y1, Y0, Y0
	VPADDD Y2, Y4, Y4
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VPADDD Y4, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, AX
	VZEROUPPER
	MOVL AX, ret+24(FP)
	RET
