; Dynptrs.

== from a map value, read and written
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
*(u32 *)(r10 - 20) = 0x1234
r1 = r10
r1 += -16
r2 = 4
r3 = r10
r3 += -20
r4 = 4
r5 = 0
call dynptr_write
r1 = map_idx_value[0]
r0 = *(u64 *)(r1 + 0)
exit
=> 0x123400000000

== past the end
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
r1 = r10
r1 += -24
r2 = 8
r3 = r10
r3 += -16
r4 = 9
r5 = 0
call dynptr_read
exit
=> 0xfffffffffffffff9

== a slice
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
r1 = r10
r1 += -16
r2 = 8
r3 = 8
call dynptr_data
if r0 == 0 goto out
*(u8 *)(r0 + 8) = 1
out: r0 = 0
exit
=> out-of-bounds: main: insn 13 (*(u8 *)(r0 +8) = 1): 1-byte store through r0 ends 1 byte past the end of a 8-byte dynptr

== a slice after the dynptr was overwritten
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
r1 = r10
r1 += -16
r2 = 8
r3 = 8
call dynptr_data
*(u64 *)(r10 - 16) = 0
r0 = *(u8 *)(r0 + 0)
exit
=> dead: main: insn 13 (r0 = *(u8 *)(r0 +0)): 1-byte load through r0, which points to 8 bytes of memory that was released

== not a dynptr
r1 = r10
r1 += -16
r2 = 0
r3 = 8
call dynptr_data
r0 = 0
exit
=> protocol: main: insn 4 (call 203): r1 (argument 1 of dynptr_data) is not a dynptr: none begins at frame 0 -16

== the second half of a dynptr
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
r1 = r10
r1 += -8
r2 = 0
r3 = 8
call dynptr_data
r0 = 0
exit
=> protocol: main: insn 11 (call 203): r1 (argument 1 of dynptr_data) is not a dynptr: none begins at frame 0 -8

== a ring buffer record of a size known late
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 24
r3 = 0
r4 = r10
r4 += -16
call ringbuf_reserve_dynptr
r1 = r10
r1 += -16
r2 = 0
r3 = 24
call dynptr_data
if r0 == 0 goto out
*(u64 *)(r0 + 16) = 5
out: r1 = r10
r1 += -16
r2 = 0
call ringbuf_submit_dynptr
r0 = 0
exit
=> 0x0

== a record that is not given back
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 24
r3 = 0
r4 = r10
r4 += -16
call ringbuf_reserve_dynptr
r0 = 0
exit
=> leak: main: insn 8 (exit): the ring buffer record acquired at insn 6 is not released at exit

== a slice after the record was submitted
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 24
r3 = 0
r4 = r10
r4 += -16
call ringbuf_reserve_dynptr
r1 = r10
r1 += -16
r2 = 0
r3 = 24
call dynptr_data
r6 = r0
r1 = r10
r1 += -16
r2 = 0
call ringbuf_submit_dynptr
r0 = *(u64 *)(r6 + 0)
exit
=> dead: main: insn 17 (r0 = *(u64 *)(r6 +0)): 8-byte load through r6, which points to 24 bytes of memory that was released

== adjusted
@ map data array 4 32 1
r1 = map_idx_value[0]
r2 = 16
r3 = 0
r4 = r10
r4 += -16
call dynptr_from_mem
r1 = r10
r1 += -16
r2 = 4
r3 = 10
call bpf_dynptr_adjust
r1 = r10
r1 += -16
call bpf_dynptr_size
exit
=> 0x6
