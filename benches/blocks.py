#!/usr/bin/env python3
"""Prints SUMO polygons of the blocks between the streets of a grid: benches/blocks.py 16 140 22 > blocks.poly.xml

The streets lie CROSSINGS x CROSSINGS from (0, 0), SPACING m apart and WIDTH m wide from house to house; each block is one building.
"""
import sys

if len(sys.argv) != 4:
    sys.exit(__doc__)
crossings, spacing, width = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
print("<additional>")
for column in range(crossings - 1):
    for row in range(crossings - 1):
        west, south = column * spacing + width / 2, row * spacing + width / 2
        east, north = west + spacing - width, south + spacing - width
        shape = f"{west},{south} {east},{south} {east},{north} {west},{north}"
        print(f'  <poly id="block{column}/{row}" type="building" shape="{shape}"/>')
print("</additional>")
