"""The net on areas of one colour: facts of areas, the net, its training, its tests. ../README.md specifies it."""
