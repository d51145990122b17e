"""`python -m gesture_app` is `gesture-app`."""

from gesture_app.cli import main

if __name__ == "__main__":
    main()
