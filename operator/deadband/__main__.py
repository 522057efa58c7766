"""`python -m deadband` is the command `deadband`."""

from deadband.cli import main

if __name__ == "__main__":
    main()
