"""Reads the lines that sfu-load has printed (sfu.sh gathers them) and draws as SVG, for each number of subscribers, what each server took of
a processor, how late the latest of a hundred packets came, and how many were lost."""

import re
import statistics
import sys

SERVERS = {"fluvial": ("fluvial sfu", "#d9552b"), "janus": ("Janus videoroom", "#3b6fb6")}
PANELS = [
    ("processors", r"cpu ([\d.]+) cores"),
    ("delay of forwarding, 99th percentile, ms", r"p99 ([\d.]+) ms"),
    ("packets lost, %", r"loss ([\d.]+) %"),
]
WIDTH, HEIGHT, LEFT, TOP, GAP = 260, 220, 60, 44, 70

measured = {}
for line in sys.stdin:
    found = re.match(r"(\w+)\s+(\d+) subscribers", line)
    if found and found[1] in SERVERS:
        values = [float(re.search(what, line)[1]) for _, what in PANELS]
        measured.setdefault((int(found[2]), found[1]), []).append(values)
# Of several rounds the medians.
rows = [(server, count, [statistics.median(each) for each in zip(*rounds)]) for (count, server), rounds in sorted(measured.items())]
most = max(row[1] for row in rows) * 1.1
out = []


def text(x, y, words, anchor="start", size=12):
    out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>')


for index, (title, _) in enumerate(PANELS):
    left = LEFT + index * (WIDTH + GAP)
    top = max(1.0, *(row[2][index] for row in rows)) * 1.1
    place = lambda count, value: (left + WIDTH * count / most, TOP + HEIGHT * (1 - value / top))
    text(left, TOP - 12, title, size=13)
    out.append(f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>')
    for part in range(5):
        x, y = place(0, top * part / 4)
        text(x - 6, y + 4, f"{top * part / 4:.3g}", "end", 11)
        out.append(f'<line x1="{x}" y1="{y:.1f}" x2="{x + WIDTH}" y2="{y:.1f}" stroke="#888" stroke-opacity="0.3"/>')
    for count in sorted({row[1] for row in rows}):
        text(place(count, 0)[0], TOP + HEIGHT + 16, count, "middle", 11)
    for server, (_, colour) in SERVERS.items():
        points = [place(row[1], row[2][index]) for row in rows if row[0] == server]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points)
    text(left, TOP + HEIGHT + 36, "subscribers of 600 kbit/s", size=11)
for index, (name, colour) in enumerate(SERVERS.values()):
    x = LEFT + index * 180
    out.append(f'<circle cx="{x}" cy="{TOP + HEIGHT + 60}" r="4" fill="{colour}"/>')
    text(x + 10, TOP + HEIGHT + 64, name)
width, height = LEFT + len(PANELS) * (WIDTH + GAP), TOP + HEIGHT + 80
body = "\n".join(out)
with open(sys.argv[1], "w") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" fill="#555">\n{body}\n</svg>\n')
