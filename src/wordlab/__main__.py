"""`python -m wordlab`: the `wordlab` command."""

from wordlab.cli import main

if __name__ == "__main__":
    main()
