"""`python -m pyspapr.frameworks.kirk`: kirk, with the channel of this folder."""

from __future__ import annotations


def main() -> None:
    """Run kirk."""
    import libkirk.com
    import libkirk.main

    from pyspapr.frameworks.kirk import FOLDER

    libkirk.com.discover(FOLDER)
    libkirk.main.run()


if __name__ == "__main__":  # kirk executes every file of the folder when it looks for channels
    main()
