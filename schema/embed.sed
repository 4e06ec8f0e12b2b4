# Turns text into the body of a C string literal, line by line.
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n"/
