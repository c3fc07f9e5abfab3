; Integer logarithms by shifting, of 32-bit numbers.
        r0 = 0
        r1 = 1
next:   w2 = w1
        r3 = 0
shift:  w2 >>= 1
        if w2 == 0 goto done
        r3 += 1
        goto shift
done:   r0 += r3
        w1 += 977
        if w1 < 100000 goto next
        exit
