; Arithmetic: the corners that RFC 9669 defines.

== division by zero gives zero, the remainder keeps the dividend
r1 = 0
r2 = 7
r0 = 5
r2 /= r1
r0 %= r1
r0 <<= 8
r0 |= r2
exit
=> 0x500

== the least number divided by minus one
r0 = 0x8000000000000000 ll
r0 s/= -1
exit
=> 0x8000000000000000

== a 32-bit result clears the upper half
r0 = -1
w0 += 0
exit
=> 0xffffffff

== sign extension of a byte
r1 = 0x80
r0 = (s8)r1
exit
=> 0xffffffffffffff80

== shift counts are masked
r0 = 1
r1 = 65
r0 <<= r1
exit
=> 0x2

== byte swaps
r0 = 0x1234
r0 = be16 r0
exit
=> 0x3412

== signed remainder takes the sign of the dividend
r0 = -7
r0 s%= 3
exit
=> 0xffffffffffffffff

== an uninitialised operand
r0 = 0
r0 += r3
exit
=> uninit-register: main: insn 1 (r0 += r3): r3 is uninitialised

== nothing returned
r1 = 1
exit
=> uninit-register: main: insn 1 (exit): r0, the return value, is uninitialised

== r1 to r5 are gone after a call
r5 = 1
call get_prandom_u32
r0 = r5
exit
=> uninit-register: main: insn 2 (r0 = r5): r5 is uninitialised

== callee-saved registers survive a call
r6 = 3
call f
r0 += r6
exit
f: r6 = 100
r0 = 4
exit
=> 0x7

== the callee does not see r6
r6 = 3
call f
exit
f: r0 = r6
exit
=> uninit-register: func_3: insn 3 (r0 = r6): r6 is uninitialised
