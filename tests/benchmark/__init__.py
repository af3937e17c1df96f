"""How fast the programs are, against others on the same machine."""
