"""`python -m perdure.cli` is `perdure`, in exactly this Python."""

from perdure.cli import main

if __name__ == "__main__":
    main(prog_name="perdure")
