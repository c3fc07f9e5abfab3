; Copies the first half of the input to the second, 8 bytes at a time.
        r3 = r2
        r3 >>= 1
        r4 = r1
        r4 += r3
        r5 = r4
next:   if r1 >= r5 goto done
        r6 = *(u64 *)(r1 + 0)
        *(u64 *)(r4 + 0) = r6
        r1 += 8
        r4 += 8
        goto next
done:   r0 = r6
        exit
