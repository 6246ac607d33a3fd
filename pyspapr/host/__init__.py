"""What the package needs of the host: files and their names, sockets, limits, signals, `os.fork()`."""
