; What is acquired must be released, once, and not be used afterwards.

== a record is submitted
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
if r0 == 0 goto out
*(u64 *)(r0 + 8) = 1
r1 = r0
r2 = 0
call ringbuf_submit
out: r0 = 0
exit
=> 0x0

== a record is forgotten
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
r0 = 0
exit
=> leak: main: insn 6 (exit): the ring buffer record acquired at insn 4 is not released at exit

== a record is used after it was submitted
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
r6 = r0
r1 = r0
r2 = 0
call ringbuf_submit
r0 = *(u64 *)(r6 + 0)
exit
=> dead: main: insn 9 (r0 = *(u64 *)(r6 +0)): 8-byte load through r6, which points to 16 bytes of memory that was released

== a record is submitted twice
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
r6 = r0
r1 = r0
r2 = 0
call ringbuf_submit
r1 = r6
r2 = 0
call ringbuf_discard
r0 = 0
exit
=> dead: main: insn 11 (call 133): r1 (argument 1 of ringbuf_discard) was released before

== the middle of a record is submitted
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
r1 = r0
r1 += 8
r2 = 0
call ringbuf_submit
r0 = 0
exit
=> argument: main: insn 8 (call 132): r1 (argument 1 of ringbuf_submit) must point to the start of a 16-byte ring buffer record, not to +8

== past the end of a record
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
*(u64 *)(r0 + 16) = 1
r0 = 0
exit
=> out-of-bounds: main: insn 5 (*(u64 *)(r0 +16) = 1): 8-byte store through r0 ends 8 bytes past the end of a 16-byte ring buffer record

== a submitted record returns nothing
@ map rb ringbuf 0 0 4096
r1 = map_idx[0]
r2 = 16
r3 = 0
call ringbuf_reserve
r1 = r0
r2 = 0
call ringbuf_submit
exit
=> uninit-register: main: insn 8 (exit): r0, the return value, is uninitialised

== numbers
r1 = r10
r1 += -8
r2 = 3
r3 = 7
call bpf_iter_num_new
r6 = 0
next: r1 = r10
r1 += -8
call bpf_iter_num_next
if r0 == 0 goto done
r1 = *(u32 *)(r0 + 0)
r6 += r1
goto next
done: r1 = r10
r1 += -8
call bpf_iter_num_destroy
r0 = r6
exit
=> 0x12

== an iterator that is not destroyed
r1 = r10
r1 += -8
r2 = 3
r3 = 7
call bpf_iter_num_new
r0 = 0
exit
=> leak: main: insn 6 (exit): the iterator acquired at insn 4 is not released at exit

== an iterator's bytes are read
r1 = r10
r1 += -8
r2 = 3
r3 = 7
call bpf_iter_num_new
r0 = *(u64 *)(r10 - 8)
exit
=> protocol: main: insn 5 (r0 = *(u64 *)(r10 -8)): load from stack bytes that hold a dynptr, an iterator or an IRQ flag

== an iterator is overwritten
r1 = r10
r1 += -8
r2 = 3
r3 = 7
call bpf_iter_num_new
*(u8 *)(r10 - 8) = 1
r0 = 0
exit
=> protocol: main: insn 5 (*(u8 *)(r10 -8) = 1): store over a number iterator that is in use

== an element is used after its iterator
r1 = r10
r1 += -8
r2 = 3
r3 = 7
call bpf_iter_num_new
r1 = r10
r1 += -8
call bpf_iter_num_next
r6 = r0
r1 = r10
r1 += -8
call bpf_iter_num_destroy
r0 = *(u32 *)(r6 + 0)
exit
=> dead: main: insn 12 (r0 = *(u32 *)(r6 +0)): 4-byte load through r6, which points to 4 bytes of memory that was released

== next without new
r1 = r10
r1 += -8
call bpf_iter_num_next
r0 = 0
exit
=> protocol: main: insn 2 (call kfunc[1]): r1 (argument 1 of bpf_iter_num_next) is not an iterator: none begins at frame 0 -8

== bits
*(u64 *)(r10 - 8) = 0x11
r1 = r10
r1 += -24
r2 = r10
r2 += -8
r3 = 1
call bpf_iter_bits_new
r6 = 0
next: r1 = r10
r1 += -24
call bpf_iter_bits_next
if r0 == 0 goto done
r1 = *(u32 *)(r0 + 0)
r6 <<= 4
r6 |= r1
goto next
done: r1 = r10
r1 += -24
call bpf_iter_bits_destroy
r0 = r6
exit
=> 0x4

== the RCU lock is kept
call bpf_rcu_read_lock
r0 = 0
exit
=> locking: main: insn 2 (exit): the RCU read lock is still held at exit

== the RCU lock is left twice
call bpf_rcu_read_lock
call bpf_rcu_read_unlock
call bpf_rcu_read_unlock
r0 = 0
exit
=> locking: main: insn 2 (call kfunc[2]): bpf_rcu_read_unlock without its counterpart before

== an exception ends the run
call f
r0 = 1
exit
f: r1 = 0x55
call bpf_throw
=> 0x55

== IRQ flags out of order
r1 = r10
r1 += -8
call bpf_local_irq_save
r1 = r10
r1 += -16
call bpf_local_irq_save
r1 = r10
r1 += -8
call bpf_local_irq_restore
r0 = 0
exit
=> locking: main: insn 8 (call kfunc[2]): IRQ flags are restored out of order

== bpf_loop
r1 = 10
r2 = func[cb]
r3 = r10
r3 += -8
r4 = 0
*(u64 *)(r10 - 8) = 0
call loop
r1 = *(u64 *)(r10 - 8)
r0 <<= 8
r0 |= r1
exit
cb: r3 = *(u64 *)(r2 + 0)
r3 += r1
*(u64 *)(r2 + 0) = r3
r0 = 0
if r1 != 4 goto out
r0 = 1
out: exit
=> 0x50a

== may_goto ends
r0 = 0
again: may_goto out
r0 += 1
goto again
out: exit
=> 0x800000
