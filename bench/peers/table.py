#!/usr/bin/env python3
"""Puts measurements side by side: one table, the ratios, the targets.

    table.py [--json FILE] [--islet FILE] [ROWS...]

ROWS are files with the JSON lists that the programs beside this one print;
--islet names an output of isolate_bench or pool_bench (Google Benchmark's JSON). A file
that is absent is a system that was not measured.
"""

import argparse
import json
import os
import platform
import re
import sys

# Google Benchmark's families, as the peers name the same workloads.
ISLET_WORKLOADS = {
    "BM_ColdIsolate": ("islet", "cold"),
    "BM_ColdSpread": ("islet", "cold_spread"),
    "BM_ResidentIsolate": ("islet", "resident"),
    "BM_ResidentSpread": ("islet", "resident_spread"),
    "BM_CreateOnly": ("islet", "create_only"),
    "BM_WarmCall": ("islet", "warm_call"),
    "BM_RecycledCall": ("islet", "recycled"),
    "BM_Floor": ("floor", "cold"),
}

MICROSECONDS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}

MEMORY = (("private_kib", "memory"), ("page_table_kib", "page_tables"))

COLUMNS = ("islet", "floor", "v8", "lua")

WORKLOADS = (
    ("cold", "cold isolate, us"),
    ("cold_spread", "cold isolate, spread, us"),
    ("resident", "cold isolate, resident, us"),
    ("resident_spread", "same, spread, us"),
    ("create_only", "isolate, no call, us"),
    ("recycled", "recycled isolate, us"),
    ("recycled_2", "same, two threads, us"),
    ("warm_call", "warm call, us"),
    ("memory", "private memory, KiB"),
    ("page_tables", "page tables, KiB"),
    ("process_start", "process, start to end, us"),
    ("first_answer", "process, to first answer, us"),
)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def islet_figures(path):
    """{(column, workload, records): median in us} from isolate_bench, pool_bench.

    Their counters `private_kib` and `page_table_kib`, where it has them, are what
    each of many live isolates holds after one call.
    """
    with open(path, encoding="utf-8") as file:
        benchmarks = json.load(file)["benchmarks"]
    single_runs = {}
    medians = {}
    for row in benchmarks:
        match = re.match(r"(BM_\w+)/records:(\d+)", row["name"])
        if not match or match[1] not in ISLET_WORKLOADS or row.get("error_occurred"):
            continue
        key = (*ISLET_WORKLOADS[match[1]], int(match[2]))
        if row.get("aggregate_name", "median") != "median":
            continue
        if key[0] == "islet":
            for counter, workload in MEMORY:
                if counter in row:
                    medians["islet", workload, key[2]] = row[counter]
        time_us = row["real_time"] * MICROSECONDS[row.get("time_unit", "ns")]
        if "/threads:" in row["name"]:
            # Of all threads together.
            key = (key[0], key[1] + "_2", key[2])
            time_us = 1e6 / row["items_per_second"]
        if "aggregate_name" in row:
            medians[key] = time_us
        else:
            single_runs.setdefault(key, []).append(time_us)
    return {key: median(times) for key, times in single_runs.items()} | medians


def peer_figures(rows):
    """The same from the peers' rows, and {column: system and version}."""
    figures = {}
    names = {}
    for row in rows:
        workload, records = row["workload"], row.get("records")
        if workload == "process_start":
            column = "floor" if row["system"] == "empty" else "islet"
            figures[column, "first_answer", None] = row["first_answer_us"]
        else:
            column = row["system"].split()[0].lower()
            names[column] = row["system"].split("-")[0]
        if workload == "memory":
            for counter, name in MEMORY:
                figures[column, name, records] = row[counter]
        else:
            figures[column, workload, records] = row["median_us"]
    return figures, names


def ratios(figures):
    """[(what, records or None, ratio)], with None where a part is missing."""

    def ratio(top, bottom):
        if top not in figures or bottom not in figures:
            return None
        return figures[top] / figures[bottom]

    found = []
    for what, top, bottom in (("V8 / Islet", "v8", "islet"),
                              ("Lua / Islet", "lua", "islet"),
                              ("Islet / floor", "islet", "floor")):
        for records in (10, 1000, 20000, 1000000):
            if top in ("v8", "lua") and records == 1000000:
                continue
            found.append((what, records, ratio((top, "cold", records),
                                               (bottom, "cold", records))))
    for records in (10, 1000, 20000):
        found.append(("V8 / Islet, resident snapshot", records,
                      ratio(("v8", "cold", records), ("islet", "resident", records))))
    for what, top in (("V8's cold isolate / Islet's recycled", "v8"),
                      ("Lua's new state / Islet's recycled isolate", "lua")):
        for records in (10, 1000, 20000):
            found.append((what, records, ratio((top, "cold", records),
                                               ("islet", "recycled", records))))
    found.append(("recycled isolates, two threads / one", 1000,
                  ratio(("islet", "recycled", 1000), ("islet", "recycled_2", 1000))))
    found.append(("Islet at 1,000,000 / at 10", None,
                  ratio(("islet", "cold", 1000000), ("islet", "cold", 10))))
    found.append(("Islet at 1,000,000 / at 10, resident snapshot", None,
                  ratio(("islet", "resident", 1000000), ("islet", "resident", 10))))
    for workload, what in (("process_start", "process start to end"),
                           ("first_answer", "process start to first answer")):
        found.append((f"{what}, quickstart / empty program", None,
                      ratio(("islet", workload, None), ("floor", workload, None))))
    return found


# (what, records or None, limit, whether the ratio must be at least the limit)
TARGETS = (
    ("V8 / Islet", 1000, 50, True),
    ("V8 / Islet", 20000, 300, True),
    ("Islet / floor", 10, 2, False),
    ("Islet / floor", 1000, 2, False),
    ("Islet / floor", 20000, 2, False),
    ("Islet / floor", 1000000, 2, False),
    ("Islet at 1,000,000 / at 10", None, 1.3, False),
    ("V8 / Islet, resident snapshot", 1000, 50, True),
    ("V8 / Islet, resident snapshot", 20000, 300, True),
    ("Islet at 1,000,000 / at 10, resident snapshot", None, 1.3, False),
    ("process start to first answer, quickstart / empty program", None, 2, False),
    ("V8's cold isolate / Islet's recycled", 1000, 500, True),
    ("recycled isolates, two threads / one", 1000, 1.9, True),
)


def judge(found):
    """The targets as dictionaries; `reached` is None if not measured."""
    measured = {(what, records): ratio for what, records, ratio in found}
    verdicts = []
    for what, records, limit, at_least in TARGETS:
        ratio = measured[what, records]
        reached = None
        if ratio is not None:
            reached = ratio >= limit if at_least else ratio <= limit
        verdicts.append({"ratio": what, "records": records,
                         "at_least" if at_least else "at_most": limit,
                         "measured": ratio, "reached": reached})
    return verdicts


def number(value, suffix=""):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}{suffix}"
    return f"{value:.{2 if value < 10 else 1}f}{suffix}"


def with_records(what, records):
    return what if records is None else f"{what}, {records:,} records"


def print_table(figures, names):
    lines = [["median of one run", "records", "Islet", "floor",
              names.get("v8", "V8"), names.get("lua", "Lua"),
              "V8/Islet", "Lua/Islet", "Islet/floor"]]
    for workload, title in WORKLOADS:
        keys = {key[2] for key in figures if key[1] == workload}
        for records in sorted(keys, key=lambda count: count or 0):
            values = {column: figures.get((column, workload, records))
                      for column in COLUMNS}

            # The peers have nothing to recycle: what they do for each tenant is
            # their cold run.
            if workload == "recycled":
                for peer in ("v8", "lua"):
                    values[peer] = figures.get((peer, "cold", records))

            def ratio(top, bottom):
                top, bottom = values[top], values[bottom]
                return top / bottom if top and bottom else None

            lines.append([title, "" if records is None else f"{records:,}",
                          *(number(values[column]) for column in COLUMNS),
                          number(ratio("v8", "islet"), "x"),
                          number(ratio("lua", "islet"), "x"),
                          number(ratio("islet", "floor"), "x")])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print(line[0].ljust(widths[0]), *(
            cell.rjust(width) for cell, width in zip(line[1:], widths[1:])),
              sep="  ")
    print()
    print("cold: create, first call that finds ten neighbouring records, dispose; spread: ten records all over the table;")
    print("resident: isolates map a copy of the snapshot in huge pages (Snapshot::Resident). floor: the same mappings and page"
          " touches in bare C++;")
    print("recycled: from an IsolatePool: get, first call, give back; beside it the peers' cold runs.")
    print("for processes, an empty static C program beside samples/quickstart."
          " memory: per isolate, 50 alive.")


def print_targets(verdicts):
    print("\nTargets")
    for verdict in verdicts:
        at_least = "at_least" in verdict
        limit = verdict["at_least" if at_least else "at_most"]
        state = {None: "not measured", True: "reached", False: "MISSED"}
        print(f"  {state[verdict['reached']]:<12}  "
              f"{with_records(verdict['ratio'], verdict['records'])}: "
              f"{number(verdict['measured'], 'x')}, "
              f"wanted at {'least' if at_least else 'most'} {limit}x")


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            match = re.search(r"model name\s*:\s*(.*)", file.read())
            return match[1] if match else platform.machine()
    except OSError:
        return platform.machine()


def write_whole(path, data):
    """Writes JSON, beside and renamed: the file appears whole or not at all."""
    unfinished = f"{path}.{os.getpid()}.tmp"
    try:
        with open(unfinished, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
            file.write("\n")
        os.replace(unfinished, path)
    except OSError as error:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        sys.exit(f"cannot write {path}: {error.strerror}")


def write_json(path, rows, figures, found, verdicts):
    units = {name: counter for counter, name in MEMORY}
    rows = rows + [
        {"system": "Islet" if column == "islet" else "floor",
         "workload": workload, "records": records,
         units.get(workload, "median_us"): value}
        for (column, workload, records), value in sorted(
            (item for item in figures.items()
             if item[0][0] in ("islet", "floor") and item[0][2] is not None))]
    whole = {
        "machine": {"cpu": cpu_model(), "cpus": os.cpu_count(),
                    "kernel": platform.release()},
        "rows": rows,
        "ratios": [{"ratio": what, "records": records, "value": ratio}
                   for what, records, ratio in found],
        "targets": verdicts,
    }
    write_whole(path, whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--islet", metavar="FILE", action="append", default=[])
    parser.add_argument("rows", nargs="*", metavar="ROWS")
    options = parser.parse_args()

    rows = []
    for path in options.rows:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                rows += json.load(file)
    figures, names = peer_figures(rows)
    for path in options.islet:
        if os.path.exists(path):
            figures |= islet_figures(path)
    if not figures:
        sys.exit("nothing was measured")
    found = ratios(figures)
    verdicts = judge(found)

    print_table(figures, names)
    print_targets(verdicts)
    if options.json:
        write_json(options.json, rows, figures, found, verdicts)


if __name__ == "__main__":
    main()
