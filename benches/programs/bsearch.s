; Looks up 64 keys in the 64 sorted words it makes of the input.
        r3 = 0
fill:   r4 = r3
        r4 *= 7
        r5 = r3
        r5 <<= 3
        r5 += r1
        *(u64 *)(r5 + 0) = r4
        r3 += 1
        if r3 != 64 goto fill
        r0 = 0
        r6 = 0
key:    r7 = 0
        r8 = 64
probe:  if r7 >= r8 goto miss
        r9 = r7
        r9 += r8
        r9 >>= 1
        r3 = r9
        r3 <<= 3
        r3 += r1
        r4 = *(u64 *)(r3 + 0)
        if r4 == r6 goto hit
        if r4 > r6 goto lower
        r7 = r9
        r7 += 1
        goto probe
lower:  r8 = r9
        goto probe
hit:    r0 += r9
miss:   r6 += 5
        if r6 < 320 goto key
        exit
