"""The commands of the command line, one file each: ``add(commands)`` adds it to the subparsers."""
