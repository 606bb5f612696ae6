BEGIN { FS = "[ ,]+"; printf "%d %s\n", 3.9, toupper("awk") }
{ n[$NF]++; len += length($0) }
/^line 1[0-9] / { print NR ": " $2, substr($0, 1, 12) }
END {
    for (k in n) keys[++c] = k
    asort(keys)
    for (i = 1; i <= c; i++) printf "%s=%d%s", keys[i], n[keys[i]], i < c ? " " : "\n"
    print len, sin(1), int(exp(5)), strftime("%Y-%m-%d", 86400 * 365, 1)
    print gensub(/(o)(n)/, "<\\2\\1>", "g", "one pony"), match("foobar", /o+/), RSTART, RLENGTH
    while ((getline l < "pairs.txt") > 0) print "got " l
    print "to a file" > "out.txt"; close("out.txt")
    getline l < "out.txt"; print l
}
