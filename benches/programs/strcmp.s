; Compares the input's two halves byte by byte.
        r3 = r2
        r3 >>= 1
        r4 = r1
        r4 += r3
        r0 = 0
        r5 = 0
next:   if r5 >= r3 goto done
        r6 = *(u8 *)(r1 + 0)
        r7 = *(u8 *)(r4 + 0)
        r5 += 1
        r1 += 1
        r4 += 1
        if r6 == r7 goto next
        r0 += 1
        goto next
done:   exit
