; Text: formats, numbers, probes; and what is refused when a program is loaded.

== a trace line
@ trace
@ map fmt array 4 32 1
r6 = map_idx_value[0]
r1 = 0x2520736565620a ll
r1 = 0x642520736565620a ll
r1 = 0x6425207365656220 ll
*(u64 *)(r6 + 0) = r1
*(u16 *)(r6 + 8) = 10
r1 = r6
r2 = 10
r3 = 42
call trace_printk
exit
=> 0x9 |  bees 42

== an unknown conversion
@ map fmt array 4 32 1
r1 = map_idx_value[0]
*(u32 *)(r1 + 0) = 0x006625
r2 = 4
call trace_printk
exit
=> 0xffffffffffffffea

== a number from text
@ map text array 4 32 1
r1 = map_idx_value[0]
*(u32 *)(r1 + 0) = 0x0032312d
r2 = 4
r3 = 0
r4 = r10
r4 += -8
call strtol
r1 = *(u64 *)(r10 - 8)
r0 += r1
exit
=> 0xfffffffffffffff7

== a probe of an address that is not mapped
r1 = r10
r1 += -8
r2 = 8
r3 = 16
call probe_read_kernel
exit
=> 0xfffffffffffffff2

== an unknown helper
call 9999
exit
=> load: program main: insn 0: call of helper 9999, which does not exist

== an unknown kernel function
call bpf_make_honey
exit
=> load: program main: insn 0: call of bpf_make_honey, which this engine does not have

== falling off the end
r0 = 0
=> load: program main: insn 0: the function's last instruction is not exit or a jump

== a jump into the middle
goto +1
r0 = 5 ll
exit
=> load: program main: insn 0: jump to 2, where no instruction of this function begins

== a jump out of the function
call f
exit
f: goto -2
=> load: program main: insn 2: jump to 1, where no instruction of this function begins

== a write to the frame pointer
r10 = 0
exit
=> load: program main: insn 0: the frame pointer r10 is read-only

== an unresolved map
r1 = map_fd[3]
exit
=> load: program main: insn 0: a map given by file descriptor was not resolved before loading
