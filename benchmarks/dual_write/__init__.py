"""What the triggers that keep two columns equal cost those who write."""
