"""``handpose data prepare``: samples cut out once, with room for augmentation, and stored for fast reading.

What is kept of a sample is the square around the hand times a margin, at the picture's own resolution where the
final crop would be an enlargement, else at the final crop's: no detail of the crop is lost, and nothing is stored
twice as large as it is. Labels are kept exactly; depth and mask too; colour as JPEG.

A part (train, val, test) is split up into shards, folders of ``.npy`` columns that are mapped into memory: labels
with one row a sample, pictures of any size one after the other in a column of bytes with the ends of each in
another. Any sample is reached at once, workers share the memory, and numpy alone reads it all.

Why JPEG: measured on one core for 256 x 256 px of RHD, PNG decodes in 1.4 ms, JPEG of quality 95 in 0.36 ms, and
raw bytes take none of it but nine times the space (197 kB against 23 kB): at 1,200 samples/s that is 240 MB/s of
random reads, more than the disks have that most people train from. Tar shards would hold the same JPEGs, but have
to be scanned, or indexed beside, to reach a sample at random.
"""
