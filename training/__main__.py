"""`python -m training` is `gesture-train`."""

from training.cli import main

if __name__ == "__main__":
    main()
