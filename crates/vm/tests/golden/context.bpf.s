; The context of an application's hook, and return values.

== a field
@ context
r0 = *(u32 *)(r1 + 0)
exit
=> 0x7

== part of a field
@ context
r0 = *(u8 *)(r1 + 0)
exit
=> 0x7

== a store
@ context
*(u32 *)(r1 + 4) = 5
r0 = 1
exit
=> 0x1, mark 5

== a store to what is read-only
@ context
*(u32 *)(r1 + 0) = 5
r0 = 1
exit
=> context: main: insn 0 (*(u32 *)(r1 +0) = 5): Sample.id is read-only

== no such field
@ context
r0 = *(u64 *)(r1 + 0)
exit
=> context: main: insn 0 (r0 = *(u64 *)(r1 +0)): Sample has no 8-byte field at offset 0

== outside of the structure
@ context
r0 = *(u32 *)(r1 + 64)
exit
=> context: main: insn 0 (r0 = *(u32 *)(r1 +64)): Sample has no 4-byte field at offset 64

== a pointer with its length
@ context
r2 = *(u64 *)(r1 + 8)
r3 = *(u64 *)(r1 + 16)
r2 += r3
r0 = *(u8 *)(r2 - 1)
r0 -= 0x70
exit
=> 0x7

== past the pointer's length
@ context
r2 = *(u64 *)(r1 + 8)
r0 = *(u8 *)(r2 + 5)
exit
=> out-of-bounds: main: insn 1 (r0 = *(u8 *)(r2 +5)): 1-byte load through r2 ends 1 byte past the end of 5 bytes of the application's

== a value the hook does not allow
@ context
r0 = 10
exit
=> return-value: main: insn 1 (exit): returned 10, the hook allows 0 to 9
