; Walks records of type, length, value; sums by type on the stack.
        *(u64 *)(r10 - 8) = 0
        *(u64 *)(r10 - 16) = 0
        *(u64 *)(r10 - 24) = 0
        r2 += r1
next:   r3 = r1
        r3 += 2
        if r3 > r2 goto done
        r4 = *(u8 *)(r1 + 0)
        r5 = *(u8 *)(r1 + 1)
        r5 &= 15
        r1 = r3
        r1 += r5
        if r1 > r2 goto done
        w4 &= 3
        if w4 == 0 goto a
        if w4 == 1 goto b
        if w4 == 2 goto c
        goto next
a:      r6 = *(u64 *)(r10 - 8)
        r6 += r5
        *(u64 *)(r10 - 8) = r6
        goto next
b:      r6 = *(u64 *)(r10 - 16)
        r6 += r5
        *(u64 *)(r10 - 16) = r6
        goto next
c:      r6 = *(u32 *)(r10 - 24)
        w6 += w5
        *(u32 *)(r10 - 24) = w6
        goto next
done:   r0 = *(u64 *)(r10 - 8)
        r6 = *(u64 *)(r10 - 16)
        r0 <<= 16
        r0 += r6
        r6 = *(u32 *)(r10 - 24)
        r0 <<= 16
        r0 += r6
        exit
