"""Saving, restoring and moving machines: one stream format for files and wires.

`records` says what a stream is made of, `stream` frames and checks it, `save` writes a machine, `load` builds one
aside from what it reads, `files` and `snapshot` are the two places a stopped machine can go. The grammar is in
`stream.cddl`.
"""
