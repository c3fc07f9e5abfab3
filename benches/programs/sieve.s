; Primes below the input's length, the input being the sieve.
        r0 = 0
        r3 = 0
clear:  r4 = r1
        r4 += r3
        *(u8 *)(r4 + 0) = 0
        r3 += 1
        if r3 < r2 goto clear
        r3 = 2
next:   if r3 >= r2 goto done
        r4 = r1
        r4 += r3
        r5 = *(u8 *)(r4 + 0)
        if r5 != 0 goto skip
        r0 += 1
        r5 = r3
        r5 += r3
mark:   if r5 >= r2 goto skip
        r4 = r1
        r4 += r5
        *(u8 *)(r4 + 0) = 1
        r5 += r3
        goto mark
skip:   r3 += 1
        goto next
done:   exit
