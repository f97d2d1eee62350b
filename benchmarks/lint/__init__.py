"""How long it takes to judge the migrations of a large project."""
