#!/usr/bin/env python3
"""Runs programs that collect much on Islet and on other systems, side by side.

As language.py does, with the same sources for every Scheme, but each program at
each of its sizes, once in a process, whose page faults, system time and peak of
resident memory are taken down; and with the pauses of the collectors that can
tell them.

Sizes are the lines `(define NAME-size ...)` of a program, with what it must give
in `(define NAME-result ...)`; Islet's are run by collector_bench, as
program/PROGRAM/NAME.
"""

import json
import math
import os
import platform
import re
import sys
import tempfile

import language
from language import Failure, Run, last_lines, run_process, say
from table import cpu_model, median, write_whole

# Under bench, in the order of the table.
PROGRAMS = {"trees": "collector", "gcbench": "lisp", "mutation": "collector", "addresses": "collector"}

# (column, limit, what), as in language.py.
TARGETS = (("guile", 1.0, "least"),)

# What is told of pauses: the share of them that is no longer.
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


class Sized(language.Program):
    """A program at one of its sizes, or the quick one."""

    def __init__(self, folder, name, which):
        super().__init__(os.path.join(folder, PROGRAMS[name]), name, which)
        self.benchmark = f"^program/{name}/{which}/"
        self.name = f"{name} {self.size}"
        self.seconds = 0  # once, so that what the process takes is that of one run

    @staticmethod
    def all(folder, name, quick):
        path = os.path.join(folder, PROGRAMS[name], name + ".lisp")
        found = re.findall(r"^\(define (\w+)-size ", language.read(path), re.MULTILINE)
        return [Sized(folder, name, which) for which in found if (which == "quick") == quick]


class TellingPauses(language.Scheme):
    def more(self, program):
        return super().more(program) + language.read(
            os.path.join(language.HERE, f"collector_{self.column}.scm"))

    def after(self, program):
        return "(report-pauses)\n"


class Guile(TellingPauses, language.Guile):
    pass


class Chez(TellingPauses, language.Chez):
    pass


def like(kind, column):
    """language.py's system of that column, as one of ours."""
    original = next(system for system in language.SYSTEMS if system.column == column)
    return kind(column, original.title, original.package, original.commands,
                original.version_arguments, original.recognized)


SYSTEMS = (like(language.Lua, "lua"), like(Guile, "guile"), like(Chez, "chez"))


def usage_of(process):
    return {"faults": process.usage.ru_minflt, "system_s": process.usage.ru_stime,
            "peak_mib": process.usage.ru_maxrss / 1024}


def described(pauses):
    """Number, sum and percentiles of pauses in seconds, or None."""
    if not pauses:
        return None
    pauses = sorted(pauses)
    return {"count": len(pauses), "sum_s": sum(pauses)} | {
        f"{name}_s": pauses[max(math.ceil(share * len(pauses)), 1) - 1]
        for name, share in SHARES.items()}


def run_peer(command, limit):
    """Runs a prepared program once; [Run] or Failure."""
    process = run_process(command, limit)
    pauses = described([int(match) / 1e9 for match in
                        re.findall(r"^pause (\d+)$", process.output, re.MULTILINE)])
    return [run._replace(usage=usage_of(process), pauses={"all": pauses} if pauses else {})
            for run in language.runs_of(process)]


def run_islet(collector_bench, program, work):
    """The same with collector_bench."""
    json_file = os.path.join(work, "islet.json")
    process = run_process([collector_bench, f"--benchmark_filter={program.benchmark}",
                           f"--benchmark_out={json_file}", "--benchmark_out_format=json"])
    if process.status != 0:
        raise Failure(f"failed (status {process.status}): {last_lines(process.errors)}")
    figures = json.loads(language.read(json_file))["benchmarks"][0]
    pauses = {}
    for kind in ("minor", "full"):
        if figures[f"{kind}_count"]:
            pauses[kind] = {"count": round(figures[f"{kind}_count"]), "sum_s": figures[f"{kind}_s"]} | {
                f"{name}_s": figures[f"{kind}_{name}_us"] / 1e6 for name in SHARES}
    usage = usage_of(process) | {"end_mib": figures["end_MiB"], "collected_mib": figures["collected_MiB"]}
    return [Run(figures["real_time"] / 1e3, figures["user_s"] + figures["system_s"],
                usage=usage, pauses=pauses)]


def times(measured, name, column):
    """The runs' times by the clock that is compared."""
    cpu = measured.counts_cpu(name, column)
    return [run.cpu if cpu else run.wall for run in measured.runs[name, column]]


def print_times(measured, programs, systems):
    head = ["seconds", "Islet", "least"]
    for system in systems:
        head += [system.title, "least", "/ Islet"]
    lines = [head]
    for program in programs:
        line = [program.name]
        for column in ["islet"] + [system.column for system in systems]:
            time, ratio = language.cell(measured, program.name, column)
            runs = measured.runs.get((program.name, column))
            line += [time, f"{min(times(measured, program.name, column)):.3f}" if runs else "-"]
            line += [ratio or "-"] if column != "islet" else []
        lines.append(line)
    means = ["geometric mean", "", ""]
    for system in systems:
        mean = measured.geometric_mean([program.name for program in programs], system.column)
        means += ["", "", "-" if mean is None else f"{mean:.2f}x"]
    language.print_lines(lines + [[], means])
    print(f"\nMedians and least of {language.clock_of(measured)}. / Islet: how many times as long as Islet, by the medians."
          "\n> and a time: ended at the limit, which then counts as its time. -: not measured.")


def print_usage(measured, programs, systems):
    columns = [("islet", "Islet")] + [(system.column, system.title) for system in systems]
    lines = [["processes"]]
    for _, title in columns:
        lines[0] += [f"{title}: faults", "system s", "peak MiB"]
    for program in programs:
        line = [program.name]
        for column, _ in columns:
            found = [run.usage for run in measured.runs.get((program.name, column), ())]
            for name, form in (("faults", ".0f"), ("system_s", ".2f"), ("peak_mib", ".0f")):
                line.append(format(median([usage[name] for usage in found]), form) if found else "-")
        lines.append(line)
    print()
    language.print_lines(lines)
    print("\nMedians, of the whole process: from the start of the system to its end.")


def print_pauses(measured, programs, systems):
    titles = {"islet": "Islet"} | {system.column: system.title for system in systems}
    lines = [["pauses in ms", "", "number", "sum", *SHARES]]
    for program in programs:
        for column, title in titles.items():
            runs = [run for run in measured.runs.get((program.name, column), ()) if run.pauses]
            for kind in (runs[0].pauses if runs else ()):
                # All runs do the same; the one with the least sum was disturbed least.
                found = min((run.pauses[kind] for run in runs if kind in run.pauses),
                            key=lambda pauses: pauses["sum_s"])
                lines.append([program.name, title if kind == "all" else f"{title}, {kind}",
                              str(found["count"]), f"{found['sum_s'] * 1e3:.0f}"]
                             + [f"{found[f'{name}_s'] * 1e3:.2f}" for name in SHARES])
    if len(lines) > 1:
        print()
        language.print_lines(lines)
        print("\nOf the run of which the sum is least. Islet and Chez: by the clock; Guile: processor time, in which"
              "\nthe work of its marking threads adds up. Lua collects in steps, and tells none.")


def to_json(measured, programs, systems, verdicts):
    rows = []
    for program in programs:
        for column in ["islet"] + [system.column for system in systems]:
            runs = measured.runs.get((program.name, column))
            failure = measured.failures.get((program.name, column))
            row = {"program": program.name, "size": program.size, "system": column}
            if failure:
                rows.append(row | {"failure": failure})
            elif runs:
                rows.append(row | {
                    "wall_s": [run.wall for run in runs], "cpu_s": [run.cpu for run in runs],
                    "least_s": min(times(measured, program.name, column)),
                    "median_s": measured.seconds(program.name, column),
                    "ended_at_limit": measured.is_over(program.name, column),
                    "times_islet": 1.0 if column == "islet" else measured.ratio(program.name, column),
                    "usage": [run.usage for run in runs], "pauses": [run.pauses for run in runs]})
    names = [program.name for program in programs]
    return {
        "machine": {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release()},
        "systems": {system.column: f"{system.title}, version {system.version}" for system in systems},
        "clock": "processor" if measured.use_cpu_time else "wall",
        "rows": rows,
        "geometric_means": {system.column: measured.geometric_mean(names, system.column)
                            for system in systems},
        "targets": verdicts,
    }


def main():
    parser = language.Parser()
    options = parser.parse_args(sys.argv[1:])
    wanted, names = parser.check(options, list(PROGRAMS), SYSTEMS)
    programs = [program for name in names for program in Sized.all(options.programs, name, options.quick)]
    systems = language.installed(SYSTEMS, wanted)
    if not systems and not options.islet:
        say("nothing to measure")
        sys.exit(1)
    with tempfile.TemporaryDirectory() as work:
        measured = language.measure(
            programs, systems, options, work,
            lambda program: run_islet(options.islet, program, work), run_peer)
    if options.quick:
        language.print_checked(measured, programs, systems)
    else:
        verdicts = language.judge(measured, programs, TARGETS)
        print_times(measured, programs, systems)
        print_usage(measured, programs, systems)
        print_pauses(measured, programs, systems)
        print("\n" + ", ".join(f"{system.title}: {system.version}" for system in systems))
        language.print_targets(verdicts)
        if options.json:
            write_whole(options.json, to_json(measured, programs, systems, verdicts))
    sys.exit(1 if measured.failures or measured.interrupted else 0)


if __name__ == "__main__":
    main()
