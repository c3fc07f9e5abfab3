; Division and remainder of both widths.
        r0 = 0
        r1 = 0xdeadbeefcafe ll
        r2 = 1
next:   r3 = r1
        r3 /= r2
        r4 = r1
        r4 %= r2
        w5 = w1
        w5 /= w2
        w6 = w1
        w6 %= 17
        r0 += r3
        r0 ^= r4
        r0 += r5
        r0 ^= r6
        r2 += 3
        if r2 < 600 goto next
        exit
