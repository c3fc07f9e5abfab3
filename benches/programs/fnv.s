; FNV-1a over the whole input.
        r0 = 0xcbf29ce484222325 ll
        r4 = 0x100000001b3 ll
        r2 += r1
next:   if r1 == r2 goto done
        r3 = *(u8 *)(r1 + 0)
        r0 ^= r3
        r0 *= r4
        r1 += 1
        goto next
done:   exit
