// An error that would jump ends the call instead: each has an instance of its own.
#ifndef VERTEBRA_SETJMP_H
#define VERTEBRA_SETJMP_H
typedef int jmp_buf[1];
#define setjmp(at) 0
__attribute__((noreturn)) void longjmp(int *at, int value);
#endif
