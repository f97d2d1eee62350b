"""What working on this project needs besides the project itself; never packaged."""
