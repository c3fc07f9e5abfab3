; Bounds, lifetimes, permissions.

== inside
@ memory 01 02 03 04
r0 = *(u32 *)(r1 + 0)
exit
=> 0x4030201

== past the end
@ memory 01 02 03 04
r0 = *(u8 *)(r1 + 4)
exit
=> out-of-bounds: main: insn 0 (r0 = *(u8 *)(r1 +4)): 1-byte load through r1 ends 1 byte past the end of 4 bytes of the application's

== far past the end
@ memory 01 02 03 04
r0 = *(u8 *)(r1 + 16)
exit
=> out-of-bounds: main: insn 0 (r0 = *(u8 *)(r1 +16)): r1 points 12 bytes past the end of 4 bytes of the application's

== across the end
@ memory 01 02 03 04
r0 = *(u32 *)(r1 + 1)
exit
=> out-of-bounds: main: insn 0 (r0 = *(u32 *)(r1 +1)): 4-byte load through r1 ends 1 byte past the end of 4 bytes of the application's

== before the start
@ memory 01 02 03 04
*(u16 *)(r1 - 2) = 5
exit
=> out-of-bounds: main: insn 0 (*(u16 *)(r1 -2) = 5): r1 points 2 bytes before the start of 4 bytes of the application's

== through null
r1 = 0
r0 = *(u64 *)(r1 + 8)
exit
=> null-pointer: main: insn 1 (r0 = *(u64 *)(r1 +8)): 8-byte load through r1, which is null

== through a number
r1 = 0x1234
*(u8 *)(r1 + 0) = 1
exit
=> not-a-pointer: main: insn 1 (*(u8 *)(r1 +0) = 1): 1-byte store through r1, which is the number 0x1234

== a pointer that lost its provenance
@ memory 01 02 03 04
r2 = r1
r2 *= 1
r2 -= r1
r1 *= 0
r1 += 64
r1 += r2
r0 = *(u8 *)(r1 + 0)
exit
=> not-a-pointer: main: insn 6 (r0 = *(u8 *)(r1 +0)): 1-byte load through r1, which is the number 0x40

== a pointer through the stack
@ memory 2a 00
*(u64 *)(r10 - 8) = r1
r2 = *(u64 *)(r10 - 8)
r0 = *(u8 *)(r2 + 0)
exit
=> 0x2a

== a pointer whose lower byte was overwritten on the stack
@ memory 2a 00
*(u64 *)(r10 - 8) = r1
r3 = r1
*(u8 *)(r10 - 8) = 0
r2 = *(u64 *)(r10 - 8)
r2 ^= r2
r0 = *(u8 *)(r2 + 1)
exit
=> null-pointer: main: insn 5 (r0 = *(u8 *)(r2 +1)): 1-byte load through r2, which is null

== half a pointer is a number
@ memory 2a 00
*(u64 *)(r10 - 8) = r1
w2 = 0
r2 = *(u32 *)(r10 - 4)
r2 >>= 31
r0 = r2
exit
=> 0x0

== number plus pointer
@ memory 0a 0b 0c
r3 = 2
r3 += r1
r0 = *(u8 *)(r3 + 0)
exit
=> 0xc

== the difference of two pointers
@ memory 0a 0b 0c
r0 = r1
r0 += 3
r0 -= r1
exit
=> 0x3

== below the stack
*(u64 *)(r10 - 520) = 1
exit
=> out-of-bounds: main: insn 0 (*(u64 *)(r10 -520) = 1): r10 points 8 bytes before the start of stack frame 0 (512 bytes)

== above the stack
r0 = *(u64 *)(r10 + 0)
exit
=> out-of-bounds: main: insn 0 (r0 = *(u64 *)(r10 +0)): 8-byte load through r10 ends 8 bytes past the end of stack frame 0 (512 bytes)

== an unaligned stack access
*(u32 *)(r10 - 6) = 1
exit
=> unaligned: main: insn 0 (*(u32 *)(r10 -6) = 1): 4-byte access to the stack at an address that is not a multiple of 4

== unwritten stack reads as zero
r0 = *(u64 *)(r10 - 8)
exit
=> 0x0

== unwritten stack under strictness
@ strict
*(u32 *)(r10 - 8) = 1
r0 = *(u64 *)(r10 - 8)
exit
=> uninit-stack: main: insn 1 (r0 = *(u64 *)(r10 -8)): load from stack bytes that were never written

== written stack under strictness
@ strict
*(u32 *)(r10 - 8) = 1
*(u32 *)(r10 - 4) = 2
r0 = *(u64 *)(r10 - 8)
exit
=> 0x200000001

== a pointer into the frame of a function that has returned
call f
r0 = *(u64 *)(r0 - 8)
exit
f: r0 = r10
exit
=> dead: main: insn 1 (r0 = *(u64 *)(r0 -8)): 8-byte load through r0, which points to stack frame 1 (512 bytes) of a function that has returned

== a caller's frame seen by its callee
*(u64 *)(r10 - 8) = 0x11
r1 = r10
r1 += -8
call f
exit
f: r0 = *(u64 *)(r1 + 0)
exit
=> 0x11

== the callee leaves the caller's frame
r1 = r10
call f
exit
f: r0 = *(u64 *)(r1 + 0)
exit
=> out-of-bounds: func_3: insn 3 (r0 = *(u64 *)(r1 +0)): 8-byte load through r1 ends 8 bytes past the end of stack frame 0 (512 bytes)

== too many frames
r1 = 9
call f
exit
f: r1 -= 1
if r1 == 0 goto out
call f
out: r0 = 0
exit
=> call-depth: func_3: insn 5 (call pc-3): call from frame 7: 8 frames are the most

== an endless loop
@ budget 1000
r0 = 0
again: r0 += 1
goto again
=> budget: main: insn 2 (goto pc-2): the budget of 1000 instructions is used up

== a store through a read-only pointer
@ context
r2 = *(u64 *)(r1 + 8)
*(u8 *)(r2 + 0) = 1
r0 = 0
exit
=> permission: main: insn 1 (*(u8 *)(r2 +0) = 1): 1-byte store through r2: 5 bytes of the application's does not allow it

== atomic add
@ memory 05 00 00 00
r2 = 3
r2 = atomic_fetch_add((u32 *)(r1 + 0), r2)
r0 = *(u32 *)(r1 + 0)
r0 <<= 8
r0 |= r2
exit
=> 0x805

== an unaligned atomic
@ memory 05 00 00 00 00 00 00 00
r2 = 3
lock *(u32 *)(r1 + 1) += r2
r0 = 0
exit
=> unaligned: main: insn 1 (lock *(u32 *)(r1 +1) += r2): 4-byte atomic access at an address that is not a multiple of 4

== compare and exchange
@ memory 05 00 00 00 00 00 00 00
r0 = 5
r2 = 9
r0 = atomic64_cmpxchg((u64 *)(r1 + 0), r0, r2)
r3 = *(u64 *)(r1 + 0)
r0 <<= 8
r0 |= r3
exit
=> 0x509
