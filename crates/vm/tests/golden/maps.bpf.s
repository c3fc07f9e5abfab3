; Maps: values, keys, locks.

== a value is found
@ map counts array 4 16 8
*(u32 *)(r10 - 4) = 3
r2 = r10
r2 += -4
r1 = map_idx[0]
call map_lookup_elem
if r0 == 0 goto out
*(u64 *)(r0 + 8) = 42
r0 = *(u64 *)(r0 + 8)
out: exit
=> 0x2a

== past the end of a value
@ map counts array 4 16 8
*(u32 *)(r10 - 4) = 3
r2 = r10
r2 += -4
r1 = map_idx[0]
call map_lookup_elem
r0 += 12
r0 = *(u64 *)(r0 + 0)
exit
=> out-of-bounds: main: insn 7 (r0 = *(u64 *)(r0 +0)): 8-byte load through r0 ends 4 bytes past the end of a 16-byte value of map `counts`

== 12 bytes past the end
@ map counts array 4 16 8
*(u32 *)(r10 - 4) = 3
r2 = r10
r2 += -4
r1 = map_idx[0]
call map_lookup_elem
r2 = r0
r2 += 28
r0 = *(u32 *)(r2 + 0)
exit
=> out-of-bounds: main: insn 8 (r0 = *(u32 *)(r2 +0)): r2 points 12 bytes past the end of a 16-byte value of map `counts`

== a look-up that finds nothing, not looked at
@ map names hash 4 8 8
*(u32 *)(r10 - 4) = 3
r2 = r10
r2 += -4
r1 = map_idx[0]
call map_lookup_elem
r0 = *(u64 *)(r0 + 0)
exit
=> null-pointer: main: insn 6 (r0 = *(u64 *)(r0 +0)): 8-byte load through r0, which is null

== a key that leaves the stack
@ map names hash 4 8 8
r2 = r10
r2 += -2
r1 = map_idx[0]
call map_lookup_elem
r0 = 0
exit
=> out-of-bounds: main: insn 4 (call 1): 4-byte load through r2 (argument 2 of map_lookup_elem) ends 2 bytes past the end of stack frame 0 (512 bytes)

== a number for a map
r1 = 5
r2 = r10
r2 += -4
call map_lookup_elem
exit
=> argument: main: insn 3 (call 1): r1 (argument 1 of map_lookup_elem) must be a map and is the number 0x5

== a map for a key
@ map names hash 4 8 8
r1 = map_idx[0]
r2 = r1
call map_lookup_elem
exit
=> argument: main: insn 3 (call 1): r2 (argument 2 of map_lookup_elem) must be memory and is map `names` itself

== an unwritten key under strictness
@ strict
@ map names hash 4 8 8
r1 = map_idx[0]
r2 = r10
r2 += -4
call map_lookup_elem
r0 = 0
exit
=> uninit-stack: main: insn 4 (call 1): r2 (argument 2 of map_lookup_elem) points to 4 stack bytes of which byte 0 was never written

== update, look up, delete
@ map names hash 4 8 8
*(u32 *)(r10 - 4) = 3
*(u64 *)(r10 - 16) = 77
r1 = map_idx[0]
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
r6 = r0
r1 = map_idx[0]
r2 = r10
r2 += -4
call map_lookup_elem
r7 = *(u64 *)(r0 + 0)
r1 = map_idx[0]
r2 = r10
r2 += -4
call map_delete_elem
r7 += r0
r7 += r6
r0 = r7
exit
=> 0x4d

== a direct value
@ map data array 4 32 1
r1 = map_idx_value[0]+24
*(u64 *)(r1 + 0) = 9
r0 = *(u64 *)(r1 + 0)
exit
=> 0x9

== past a direct value
@ map data array 4 32 1
r1 = map_idx_value[0]+24
r0 = *(u64 *)(r1 + 8)
exit
=> out-of-bounds: main: insn 2 (r0 = *(u64 *)(r1 +8)): 8-byte load through r1 ends 8 bytes past the end of a 32-byte value of map `data`

== a direct value outside
@ map data array 4 32 1
r1 = map_idx_value[0]+32
r0 = 0
exit
=> load: program main: insn 0: offset 32 is outside the 32-byte value of map data

== a map number too high
r1 = map_idx[0]
r0 = 0
exit
=> load: program main: insn 0: map number 0, but the program has no such map

== a read-only map
@ map data array 4 32 1 rdonly_prog
r1 = map_idx_value[0]
*(u8 *)(r1 + 0) = 1
r0 = 0
exit
=> permission: main: insn 2 (*(u8 *)(r1 +0) = 1): 1-byte store through r1: a 32-byte value of map `data` does not allow it

== the lock in a value
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]
*(u64 *)(r1 + 4) = 1
r0 = 0
exit
=> special-field: main: insn 2 (*(u64 *)(r1 +4) = 1): 8-byte store through r1 touches the bpf_spin_lock at offset 8 of a 32-byte value of map `data`

== lock and unlock
@ map data array 4 32 1 spin_lock@8
r6 = map_idx_value[0]
r1 = r6
r1 += 8
call spin_lock
*(u64 *)(r6 + 16) = 1
r1 = r6
r1 += 8
call spin_unlock
r0 = 0
exit
=> 0x0

== a lock that is kept
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]+8
call spin_lock
r0 = 0
exit
=> locking: main: insn 4 (exit): a spin lock is still held at exit

== a lock taken twice
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]+8
call spin_lock
r1 = map_idx_value[0]+8
call spin_lock
r0 = 0
exit
=> locking: main: insn 5 (call 93): call of spin_lock while a spin lock is held

== no lock there
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]+16
call spin_lock
r0 = 0
exit
=> argument: main: insn 2 (call 93): r1 (argument 1 of spin_lock) is offset 16 of a 32-byte value of map `data`, where there is no bpf_spin_lock

== unlock without lock
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]+8
call spin_unlock
r0 = 0
exit
=> locking: main: insn 2 (call 94): spin_unlock without a lock held

== a call while a lock is held
@ map data array 4 32 1 spin_lock@8
r1 = map_idx_value[0]+8
call spin_lock
call ktime_get_ns
r0 = 0
exit
=> locking: main: insn 3 (call 5): call of ktime_get_ns while a spin lock is held

== for each
@ map data array 4 8 5
r1 = map_idx[0]
r2 = func[add]
r3 = r10
r3 += -8
r4 = 0
*(u64 *)(r10 - 8) = 0
call for_each_map_elem
r1 = *(u64 *)(r10 - 8)
r1 <<= 8
r0 |= r1
exit
add: r1 = *(u32 *)(r2 + 0)
r2 = *(u64 *)(r4 + 0)
r2 += r1
*(u64 *)(r4 + 0) = r2
r0 = 0
exit
=> 0xa05

== a store to the key
@ map data array 4 8 5
r1 = map_idx[0]
r2 = func[cb]
r3 = 0
r4 = 0
call for_each_map_elem
exit
cb: *(u32 *)(r2 + 0) = 1
r0 = 0
exit
=> permission: func_8: insn 8 (*(u32 *)(r2 +0) = 1): 4-byte store through r2: a 4-byte key of map `data` does not allow it

== a callback that returns 2
@ map data array 4 8 5
r1 = map_idx[0]
r2 = func[cb]
r3 = 0
r4 = 0
call for_each_map_elem
exit
cb: r0 = 2
exit
=> return-value: main: insn 6 (call 164): the callback returned 0x2, 0 to 1 is allowed

== queue
@ map q queue 0 4 2
*(u32 *)(r10 - 4) = 9
r1 = map_idx[0]
r2 = r10
r2 += -4
r3 = 0
call map_push_elem
*(u32 *)(r10 - 4) = 0
r1 = map_idx[0]
r2 = r10
r2 += -4
call map_pop_elem
r0 = *(u32 *)(r10 - 4)
exit
=> 0x9
