"""`python -m pyspapr`."""

from pyspapr.cli import main

if __name__ == "__main__":
    main()
