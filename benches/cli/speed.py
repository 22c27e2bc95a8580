#!/usr/bin/env python3
"""CPU time of `fluvial` beside `ffmpeg -c copy`, whole processes, on the same files in the same run.

    cargo build --release -p fluvial-cli
    benches/cli/speed.py                        # all rows: 0.4, 5 and 20 Mbit/s, 53 and 210 MB; about 2 GB of files, some minutes
    benches/cli/speed.py --rounds 15 --only ts  # more rounds, rows whose name contains "ts"

Sources are H.264 with AAC, made by ffmpeg (libx264) in a folder that is removed at the end, or kept with --folder. Rounds are
interleaved: each runs every row once. What counts is user and system time together, least and median of the rounds, as parts of
ffmpeg's. All runs are pinned to one core, with real-time priority where that is allowed; the files are in memory (page cache), and
outputs are removed before each run. Right before it a file of as many bytes is written and removed: virtual machines give free memory
back to their host, and whoever is the first to write there again pays for it, several times the price of the copy.
See "Speed" in examples/cli/README.md.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUTS = ["out.mp4", "out.ts", "out.bin"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=ROOT / "target/release/fluvial", type=pathlib.Path, help="the binary")
    parser.add_argument("--rounds", default=7, type=int)
    parser.add_argument("--rates", default="0.4,5,20", help="Mbit/s of the pictures")
    parser.add_argument("--sizes", default="53,210", help="MB, about")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--folder", type=pathlib.Path, help="where files are made, and left for the next time")
    parser.add_argument("--core", default=0, type=int)
    return parser.parse_args()


def ffmpeg(*args):
    return ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", *args]


def make(folder, rate, size):
    """A file of about so many MB, in the three containers: one piece of 20 s, again and again."""
    name = f"{rate}-{size}"
    piece = folder / f"piece-{rate}.mp4"
    if not piece.exists():
        rate_args = ["-b:v", f"{rate}M", "-minrate", f"{rate}M", "-maxrate", f"{rate}M", "-bufsize", f"{rate}M"]
        subprocess.run(
            ffmpeg(
                *["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25,noise=alls=20:allf=t"],
                *["-f", "lavfi", "-i", "sine=440:r=48000", "-t", "20"],
                *["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50", *rate_args],
                *["-c:a", "aac", "-b:a", "128k", "-ac", "2", str(piece)],
            ),
            check=True,
        )
    loops = max(round(size * 1e6 / piece.stat().st_size), 1) - 1
    paths = {kind: folder / f"{name}.{kind}" for kind in ("mp4", "ts", "flv")}
    for path in paths.values():
        if not path.exists():
            subprocess.run(ffmpeg("-stream_loop", str(loops), "-i", str(piece), "-c", "copy", str(path)), check=True)
    for path in paths.values():
        path.read_bytes()
    return paths


def rows(tool, paths):
    """Name, our command, ffmpeg's."""
    mp4, ts, flv = (str(paths[kind]) for kind in ("mp4", "ts", "flv"))
    null = lambda path: ffmpeg("-i", path, "-c", "copy", "-f", "null", "-")
    fragmented = ["-c", "copy", "-movflags", "frag_keyframe+empty_moov", "out.mp4"]
    to_ts = ffmpeg("-i", mp4, "-c", "copy", "out.ts")
    return [
        ("MP4 to nothing (`probe`)", [tool, "probe", mp4], null(mp4)),
        ("TS to nothing (`probe`)", [tool, "probe", ts], null(ts)),
        ("TS to fragmented MP4", [tool, "remux", "--fragmented", ts, "out.mp4"], ffmpeg("-i", ts, "-bsf:a", "aac_adtstoasc", *fragmented)),
        ("FLV to fragmented MP4", [tool, "remux", "--fragmented", flv, "out.mp4"], ffmpeg("-i", flv, *fragmented)),
        ("MP4 to TS", [tool, "remux", mp4, "out.ts"], to_ts),
        ("`dd bs=256k`, to ffmpeg's MP4 to TS", ["dd", "bs=256k", f"if={mp4}", "of=out.bin"], to_ts),
    ]


def pin(core):
    os.sched_setaffinity(0, {core})
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def remove_outputs(folder):
    for output in OUTPUTS:
        (folder / output).unlink(missing_ok=True)


def seconds(command, folder, core, size):
    remove_outputs(folder)
    block = bytes(1 << 20)
    with open(folder / OUTPUTS[-1], "wb", buffering=0) as file:
        for _ in range(size + size // 8):
            file.write(block)
    remove_outputs(folder)
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=lambda: pin(core)
    )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command}: {errors.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


def main():
    args = arguments()
    if not args.tool.exists():
        sys.exit(f"{args.tool} is not there: cargo build --release -p fluvial-cli")
    folder = args.folder or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    # A copy, so that a build beside does not change what is measured.
    tool = folder / "tool"
    shutil.copy2(args.tool, tool)
    try:
        columns = [(rate, int(size)) for size in args.sizes.split(",") for rate in args.rates.split(",")]
        table = {}
        for rate, size in columns:
            paths = make(folder, rate, size)
            wanted = [row for row in rows(str(tool), paths) if args.only.lower() in row[0].lower()]
            ours, theirs = {}, {}
            for _ in range(args.rounds):
                for name, our_command, their_command in wanted:
                    ours.setdefault(name, []).append(seconds(our_command, folder, args.core, size))
                    theirs.setdefault(name, []).append(seconds(their_command, folder, args.core, size))
            for name in ours:
                least = min(ours[name]) / min(theirs[name])
                median = statistics.median(ours[name]) / statistics.median(theirs[name])
                table.setdefault(name, []).append(f"{least:.2f} ({median:.2f}; {min(ours[name]):.3f} s)")
        print("Least of the rounds as part of ffmpeg's (of the medians; seconds)\n")
        print("| | " + " | ".join(f"{rate} Mbit/s, {size} MB" for rate, size in columns) + " |")
        print("|---|" + "---|" * len(columns))
        for name, cells in table.items():
            print(f"| {name} | " + " | ".join(cells) + " |")
    finally:
        remove_outputs(folder)
        tool.unlink(missing_ok=True)
        if not args.folder:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
