#!/usr/bin/env python3
"""Measures, and prints one table. Usually run by `meson test --benchmark`, which names the programs it built.

Rates are compared within this one run: against nginx, against the node's own `invoice`. Absolute figures are this machine's.
"""

import argparse
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import flood_rates
import plugin_rates
import pool_rates
import proxy_rates
import shape_rates

PARTS = ("verify", "plugin", "proxy", "shapes", "pool", "flood")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown CPU")
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def mib(size):
    return f"{size / 1048576:.1f} MiB"


def rows_of(figures):
    """(figure, value, compared with, ratio, aim)"""
    rows = []
    if verify := figures.get("verify"):
        rows += [
            ("credential verified", f"{verify['verify_us']:.1f} µs CPU", "", "", ""),
            ("  with two caveats of its holder", f"{verify['verify_with_caveats_us']:.1f} µs CPU", "", "", ""),
            ("token minted, headers written", f"{verify['mint_us']:.1f} µs CPU", f"{1e6 / verify['mint_us']:,.0f}/s a core", "", ""),
        ]
    if plugin := figures.get("plugin"):
        real = plugin["node"] == "lightningd"
        aim = "≥ 5" if real else "(on a real node: ≥ 5)"
        own = plugin["invoice"]["rate"]
        compared = f"invoice RPC: {own:,.0f}/s" + ("" if real else ", simulated")
        for name, what in (("issue", "challenges, millrace-issue"), ("gateway", "challenges, gateway in batches")):
            rows.append((what, f"{plugin[name]['rate']:,.0f}/s", compared, f"{plugin[name]['rate'] / own:.2f}", aim))
            rows.append(("  CPU of one: plugin, node", f"{plugin[name]['plugin_us']:.0f} µs, {plugin[name]['node_us']:.0f} µs",
                         f"invoice: node {plugin['invoice']['node_us']:.0f} µs", "", ""))
    if proxy := figures.get("proxy"):
        cores = f"{proxy['cores']} core{'s' if proxy['cores'] > 1 else ''}" + (", shared with the load" if proxy["shared"] else "")
        ours, theirs, memory = proxy["millraced"], proxy["nginx"], proxy["memory"]
        rows += [
            (f"paid requests, {cores}", f"{ours['rate']:,.0f}/s", f"nginx, unpaid: {theirs['rate']:,.0f}/s", f"{ours['rate'] / theirs['rate']:.2f}", "≥ 1.08"),
            ("  CPU of one", f"{ours['cpu_us']:.0f} µs", f"nginx: {theirs['cpu_us']:.0f} µs", f"{theirs['cpu_us'] / ours['cpu_us']:.2f}", ""),
            (f"  each use counted on disk, {cores}", f"{proxy['counted']['rate']:,.0f}/s", f"not counted: {ours['rate']:,.0f}/s",
             f"{proxy['counted']['rate'] / ours['rate']:.2f}", ""),
            ("  CPU of one", f"{proxy['counted']['cpu_us']:.0f} µs", f"not counted: {ours['cpu_us']:.0f} µs",
             f"{proxy['counted']['cpu_us'] / ours['cpu_us']:.2f}", ""),
            (f"  on a lease, {cores}", f"{proxy['leased']['rate']:,.0f}/s", f"not counted: {ours['rate']:,.0f}/s",
             f"{proxy['leased']['rate'] / ours['rate']:.2f}", ""),
            ("memory of millraced at rest", mib(memory["rest"]), "", "", ""),
            (f"  with {memory['connections']:,} idle connections", mib(memory["idle"]),
             f"{(memory['idle'] - memory['rest']) / max(1, memory['connections']) / 1024:.1f} KiB each", "", "≤ 1.0"),
            ("  10 s after they have left", mib(memory["left"]), "at rest", f"{memory['left'] / memory['rest']:.2f}", "≤ 1.1"),
        ]
    if shapes := figures.get("shapes"):
        few, more, many = shape_rates.FEW, shape_rates.MORE, shape_rates.MANY
        ours, theirs, counted = shapes["millraced"], shapes["nginx"], shapes["counted"]
        rows += [
            (f"paid requests, {many:,} connections", f"{ours[many]:,.0f}/s", f"{few}: {ours[few]:,.0f}/s", f"{ours[many] / ours[few]:.2f}", "≥ 0.75"),
            ("  nginx, unpaid", f"{theirs[many]:,.0f}/s", f"{few}: {theirs[few]:,.0f}/s", f"{theirs[many] / theirs[few]:.2f}", ""),
            (f"each use counted on disk, {more} connections", f"{counted[more]:,.0f}/s", f"not counted: {ours[more]:,.0f}/s",
             f"{counted[more] / ours[more]:.2f}", "≥ 0.85"),
            (f"  on a lease, {more} connections", f"{shapes['leased'][more]:,.0f}/s", f"not counted: {ours[more]:,.0f}/s",
             f"{shapes['leased'][more] / ours[more]:.2f}", "≥ 0.95"),
            ("paid requests, TLS 1.3", f"{shapes['tls']['millraced']:,.0f}/s", f"nginx, unpaid: {shapes['tls']['nginx']:,.0f}/s",
             f"{shapes['tls']['millraced'] / shapes['tls']['nginx']:.2f}", "≥ 1.0"),
        ]
        ours, theirs = shapes["download"]["millraced"], shapes["download"]["nginx"]
        rows += [
            ("paid download of 1 GiB", f"{ours['rate'] / 1048576:,.0f} MiB/s", f"nginx, unpaid: {theirs['rate'] / 1048576:,.0f} MiB/s",
             f"{ours['rate'] / theirs['rate']:.2f}", ""),
            ("  CPU of it", f"{ours['cpu']:.2f} s", f"nginx: {theirs['cpu']:.2f} s", f"{theirs['cpu'] / ours['cpu']:.2f}", "≤ 0.5 s"),
        ]
    if pool := figures.get("pool"):
        rows.append((f"challenges, {pool_rates.BURST:,} at once, from the pool", f"{pool['pool']:,.0f}/s",
                     f"signed as they come: {pool['node']:,.0f}/s", f"{pool['pool'] / pool['node']:.1f}", ""))
    if floods := figures.get("flood"):
        calm = floods["calm"]
        rows.append(("paid requests, calm: p99", f"{calm['p99_ms']:.2f} ms", f"{calm['rate']:,.0f}/s", "", ""))
        for name, what in (("one", "one network"), ("many", f"{flood_rates.PREFIXES:,} networks")):
            flood = floods[name]
            rows.append((f"  in a flood of {flood['requests']:,} from {what}", f"{flood['p99_ms']:.2f} ms", f"{flood['rate']:,.0f}/s",
                         f"{flood['p99_ms'] / calm['p99_ms']:.2f}", "≤ 2"))
            rows.append(("  signatures asked of the node", f"{flood['signed']:,} in {flood['seconds']} s",
                         f"allowed: {flood['allowed']:,}, {floods['limit']}/s", f"{flood['signed'] / flood['allowed']:.2f}", "≤ 1"))
            rows.append(("  memory grown by", mib(flood["grown"]), "", "", ""))
    return rows


def table(rows):
    rows = [("figure", "measured", "compared with", "ratio", "aim"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench-verify", required=True, metavar="PROGRAM")
    parser.add_argument("--plugin", required=True, metavar="PROGRAM", help="millrace")
    parser.add_argument("--service", required=True, metavar="PROGRAM", help="millraced")
    parser.add_argument("--simulator", required=True, metavar="PROGRAM", help="millrace-sim")
    parser.add_argument("--buildtype", default="release", help="of the programs; said in the table where it is another than release")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; may be given several times")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    wanted = arguments.only or PARTS
    programs = {name: os.path.abspath(getattr(arguments, name)) for name in ("plugin", "service", "simulator")}
    os.environ["PATH"] = proxy_rates.search_path()

    figures = {}
    notes = []
    if arguments.buildtype != "release":
        notes.append(f"this is a {arguments.buildtype} build: set up another one with -Dbuildtype=release for figures that count")
    for part in PARTS:
        if part not in wanted:
            continue
        print(f"measuring: {part} ...", flush=True)
        if part == "verify":
            figures[part] = json.loads(subprocess.run([arguments.bench_verify], check=True, capture_output=True, text=True).stdout)
        elif part == "plugin":
            figures[part] = plugin_rates.measure(programs)
            if figures[part]["node"] != "lightningd":
                notes.append("lightningd, bitcoind and bitcoin-cli are not all on PATH: the plugin was measured on a simulated node, "
                             "whose `invoice` writes no database")
        elif missing := proxy_rates.missing():
            notes.append(f"{part} was not measured: {', '.join(missing)} not found")
        elif part == "pool":
            figures[part] = pool_rates.measure(programs)
        elif part == "flood":
            figures[part] = flood_rates.measure(programs)
        elif part == "shapes":
            if gone := shape_rates.missing():
                notes.append(f"{part} was not measured: {', '.join(gone)} not found")
            else:
                figures[part] = shape_rates.measure(programs)
        else:
            figures[part] = proxy_rates.measure(programs)
            idle = [name for name in ("nginx", "millraced") if figures[part][name]["busy"] < 0.9]
            if idle:
                notes.append(f"{' and '.join(idle)} left some of the CPU unused (busy: "
                             + ", ".join(f"{name} {figures[part][name]['busy']:.0%}" for name in ("nginx", "millraced"))
                             + "): something else on this machine was the limit; compare the CPU of one request")
    print(f"\n{machine()}; medians, alternating runs\n\n{table(rows_of(figures))}\n")
    for note in notes:
        print(f"NOTE: {note}")
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(figures, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
