; 128 calls of a small function.
        r6 = 0
        r7 = 0
next:   r1 = r6
        r2 = r7
        call mix
        r7 = r0
        r6 += 1
        if r6 != 128 goto next
        r0 = r7
        exit
mix:    r0 = r1
        r0 *= 31
        r0 += r2
        r0 ^= 85
        exit
