; Arenas.

== a page is used through both address spaces
@ map heap arena 0 0 4 mmapable
r1 = map_idx[0]
r2 = 0
r3 = 1
r4 = -1
r5 = 0
call bpf_arena_alloc_pages
if r0 == 0 goto out
r6 = addr_space_cast(r0, 0, 1)
*(u64 *)(r6 + 8) = 42
r7 = addr_space_cast(r6, 1, 0)
r7 = addr_space_cast(r7, 0, 1)
r0 = *(u64 *)(r7 + 8)
out: exit
=> 0x2a

== a page that was freed
@ map heap arena 0 0 4 mmapable
r1 = map_idx[0]
r2 = 0
r3 = 1
r4 = -1
r5 = 0
call bpf_arena_alloc_pages
r6 = addr_space_cast(r0, 0, 1)
r1 = map_idx[0]
r2 = r0
r3 = 1
call bpf_arena_free_pages
r0 = *(u8 *)(r6 + 4)
exit
=> out-of-bounds: main: insn 13 (r0 = *(u8 *)(r6 +4)): r6 points to 0x4 in arena `heap`, where no page is allocated

== past the end of a page
@ map heap arena 0 0 4 mmapable
r1 = map_idx[0]
r2 = 0
r3 = 1
r4 = -1
r5 = 0
call bpf_arena_alloc_pages
r6 = addr_space_cast(r0, 0, 1)
*(u64 *)(r6 + 4092) = 1
r0 = 0
exit
=> out-of-bounds: main: insn 8 (*(u64 *)(r6 +4092) = 1): r6 points to 0xffc in arena `heap`, where no page is allocated

== an atomic in an arena
@ map heap arena 0 0 4 mmapable
r1 = map_idx[0]
r2 = 0
r3 = 1
r4 = -1
r5 = 0
call bpf_arena_alloc_pages
r6 = addr_space_cast(r0, 0, 1)
r2 = 5
lock *(u64 *)(r6 + 16) += r2
r0 = *(u64 *)(r6 + 16)
exit
=> 0x5

== a cast without an arena
r1 = 5
r0 = addr_space_cast(r1, 0, 1)
exit
=> unsupported: main: insn 1 (r0 = addr_space_cast(r1, 0, 1)): the program has no arena
