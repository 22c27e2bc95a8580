"""Reads what run.sh has measured (size, people, seconds of ours and of two encoders of GStreamer, shares of ours), draws it as SVG, and prints how
many participants a core bears: from the line that fits the points best."""

import sys

NAMES = ["fluvial mcu", "GStreamer, openh264enc", "GStreamer, x264enc"]
COLOURS = ["#d9552b", "#3b6fb6", "#4c9a5b"]
SHARES = ["decode", "scale", "mix", "encode"]
SHADES = ["#d9552b", "#eda384", "#8c8fb0", "#5d6187"]
WIDTH, HEIGHT, LEFT, TOP = 340, 240, 60, 50

rows = [line.rstrip("\n").split("\t") for line in sys.stdin]
sizes = list(dict.fromkeys(row[0] for row in rows))
out = []


def text(x, y, words, anchor="start", size=12):
    out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>')


def fit(points):
    """Seconds for nobody, and for each one more."""
    count = len(points)
    x, y = sum(p[0] for p in points) / count, sum(p[1] for p in points) / count
    spread = sum((p[0] - x) ** 2 for p in points)
    slope = sum((p[0] - x) * (p[1] - y) for p in points) / spread if spread else y / x
    return y - slope * x, slope


for index, size in enumerate(sizes):
    own = [row for row in rows if row[0] == size]
    left = LEFT + index * (WIDTH + 70)
    most = max(int(row[1]) for row in own) + 1
    top = max(1.0, *(float(value) for row in own for value in row[2:5])) * 1.1
    place = lambda people, seconds: (left + WIDTH * people / most, TOP + HEIGHT * (1 - seconds / top))
    text(left, TOP - 14, f"participants of {size}, mix of 1280x720", size=14)
    out.append(f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>')
    for tick in range(most + 1):
        text(place(tick, 0)[0], TOP + HEIGHT + 16, tick, "middle", 11)
    step = 0.25 if top <= 1.6 else 0.5
    for number in range(int(top / step) + 1):
        x, y = place(0, number * step)
        text(x - 6, y + 4, f"{number * step:.2f}", "end", 11)
        out.append(f'<line x1="{x}" y1="{y:.1f}" x2="{x + WIDTH}" y2="{y:.1f}" stroke="#888" stroke-opacity="0.3"/>')
    for column, (name, colour) in enumerate(zip(NAMES, COLOURS)):
        points = [(int(row[1]), float(row[2 + column])) for row in own]
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in points:
            out.append('<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="{}"/>'.format(*place(*point), colour))
        base, slope = fit(points)
        bears = f"{(1 - base) / slope:.1f}" if slope > 0 else "?"
        print(f"  {size}, {name}: {base:.2f} + {slope:.3f} for each participant: {bears} of a core")
    # Where our time goes, with the most of them.
    x = left
    for part, shade, value in zip(SHARES, SHADES, own[-1][5:]):
        width = WIDTH * int(value) / 100
        out.append(f'<rect x="{x:.1f}" y="{TOP + HEIGHT + 44}" width="{width:.1f}" height="18" fill="{shade}"/>')
        if int(value) >= 8:
            text(x + 4, TOP + HEIGHT + 57, f"{part} {value} %", size=11)
        x += width
    text(left, TOP + HEIGHT + 38, f"participants; below: where the time of ours goes, with {own[-1][1]}", size=11)
for index, (name, colour) in enumerate(zip(NAMES, COLOURS)):
    x = LEFT + index * 220
    out.append(f'<circle cx="{x}" cy="{TOP + HEIGHT + 86}" r="4" fill="{colour}"/>')
    text(x + 10, TOP + HEIGHT + 90, name)
text(LEFT - 44, 18, "seconds of processor time per second")
width, height = LEFT + len(sizes) * (WIDTH + 70), TOP + HEIGHT + 104
body = "\n".join(out)
with open(sys.argv[1], "w") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" fill="#555">\n{body}\n</svg>\n')
