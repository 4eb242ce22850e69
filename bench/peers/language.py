#!/usr/bin/env python3
"""Runs the programs of bench/lisp on Islet and on other systems, side by side.

Each program is bench/lisp/NAME.lisp, the same file for every Scheme, with what
that Scheme lacks in front (guile.scm ... beside this file) and measure.scm
behind; for Lua it is NAME.lua, where there is one. Every system starts a
process of its own for each program and round, compiles it if it is a compiler,
and times nothing but the call of `run`, whose result is checked.

A program is one procedure, `run`, with everything it uses inside: a form that
each system can compile as a whole, whatever it thinks of top-level variables.

Rounds are interleaved: all systems run a program before the next program, and
all programs are run before the next round.
"""

import argparse
import collections
import json
import math
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from table import cpu_model, median, write_whole

HERE = os.path.dirname(os.path.abspath(__file__))

GROUPS = {
    "calls": ("fib", "tak", "ack"),
    "control": ("ctak", "fibc", "generators", "exceptions", "streams"),
    "lists": ("deriv", "destruct", "browse", "nqueens", "mergesort"),
    "vectors": ("quicksort", "sieve", "puzzle", "matrix"),
    "flonums": ("fft", "mandelbrot", "nbody", "sumfp", "simplex"),
    "bignums": ("pidigits", "factorials", "modpow"),
    "text": ("strings", "life", "wordcount", "readwrite"),
    "data": ("hashtables", "records"),
    "interpreters": ("closures", "evaluator"),
    "collector": ("gcbench", "rewriter"),
}

# A process that takes longer than this for one program is ended, and its time
# taken to be the limit.
DEFAULT_LIMIT_S = 60
# A system runs a program again in later rounds while its runs together took
# less than this.
ENOUGH_S = 10
# Runs shorter than this are repeated within their process, up to it.
SHORT_S = 0.5


def say(message):
    print(f"run_peers: {message}", file=sys.stderr, flush=True)


class Failure(Exception):
    """A program failed on a system, with a message for people."""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Program:
    """A program, its size and the result that it must give, as text."""

    def __init__(self, folder, name, which):
        self.name = name
        self.path = os.path.join(folder, name + ".lisp")
        self.text = read(self.path)
        self.which = which
        self.seconds = 0 if which == "quick" else SHORT_S
        lua = os.path.join(folder, name + ".lua")
        self.lua = lua if os.path.exists(lua) else None
        self.uses_hash_tables = "(make-hash-table" in self.text
        self.size = self.defined(f"{which}-size")
        self.result = self.defined(f"{which}-result").removeprefix("'")

    def defined(self, name):
        match = re.search(rf"^\(define {name} (.*)\)$", self.text, re.MULTILINE)
        if not match:
            sys.exit(f"{self.path}: no line (define {name} ...)")
        return match[1]


class System:
    """How to find a system and to run programs on it."""

    def __init__(self, column, title, package, commands, version, recognized):
        self.column = column
        self.title = title
        self.package = package
        self.commands = commands
        self.version_arguments = version
        self.recognized = recognized
        self.command = None
        self.version = None

    def find(self):
        """Whether it is installed: several systems call themselves `scheme` or
        `csi`, so the version that they print must look right."""
        for name in self.commands:
            path = shutil.which(name)
            if not path:
                continue
            try:
                answer = subprocess.run(
                    [path, *self.version_arguments], capture_output=True,
                    stdin=subprocess.DEVNULL, text=True, timeout=20, check=False)
            except (OSError, subprocess.TimeoutExpired):
                continue
            match = re.search(self.recognized, answer.stdout + answer.stderr)
            if match:
                self.command = path
                self.version = match[1]
                return True
        return False

    def lacks(self, program):
        """Why it cannot run a program, or None."""
        del program
        return None

    def prepare(self, program, folder):
        """Writes or compiles what is run; gives the command line."""
        raise NotImplementedError


class Scheme(System):
    def source(self, program, folder):
        text = (read(os.path.join(HERE, f"{self.column}.scm")) + self.more(program)
                + program.text + read(os.path.join(HERE, "measure.scm"))
                + f"(measure {program.which}-size {program.which}-result {program.seconds})\n"
                + self.after(program))
        path = os.path.join(folder, f"{program.name}.{self.column}.scm")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def more(self, program):
        """What it needs in front of a program, in addition."""
        del program
        return ""

    def after(self, program):
        """What it does when the program has been measured."""
        del program
        return ""


class Guile(Scheme):
    def prepare(self, program, folder):
        source = self.source(program, folder)
        compiled = source + ".go"
        answer = subprocess.run(
            [self.command, "--no-auto-compile", "-c",
             "(use-modules (system base compile))"
             "(compile-file (cadr (command-line)) #:output-file (caddr (command-line))"
             " #:optimization-level 2)", source, compiled],
            capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise Failure(f"does not compile: {last_lines(answer.stderr)}")
        return [self.command, "--no-auto-compile", "-c",
                "(load-compiled (cadr (command-line)))", compiled]


class Chez(Scheme):
    def prepare(self, program, folder):
        return [self.command, "--optimize-level", "2", "--program",
                self.source(program, folder)]


class Gambit(Scheme):
    def prepare(self, program, folder):
        return [self.command, self.source(program, folder)]


class Chicken(Scheme):
    has_hash_tables = None

    def lacks(self, program):
        if not program.uses_hash_tables:
            return None
        if self.has_hash_tables is None:
            answer = subprocess.run(
                [self.command, "-e", "(import srfi-69)"], capture_output=True,
                stdin=subprocess.DEVNULL, check=False)
            self.has_hash_tables = answer.returncode == 0
        return None if self.has_hash_tables else "the egg srfi-69 (chicken-install srfi-69)"

    def more(self, program):
        return "(import srfi-69)\n" if program.uses_hash_tables else ""

    def prepare(self, program, folder):
        return [self.command, "-s", self.source(program, folder)]


class Lua(System):
    options = ()

    def lacks(self, program):
        return None if program.lua else "a translation"

    def prepare(self, program, folder):
        return [self.command, *self.options, os.path.join(HERE, "measure.lua"),
                program.lua, program.size, program.result, str(program.seconds)]


class LuaJit(Lua):
    options = ("-joff",)


SYSTEMS = (
    Lua("lua", "Lua 5.4", "lua5.4", ("lua5.4", "lua"), ("-v",), r"^Lua (5\.4\S*)"),
    LuaJit("luajit", "LuaJIT -joff", "luajit", ("luajit",), ("-v",), r"^LuaJIT (\S+)"),
    Guile("guile", "Guile 3.0", "guile-3.0", ("guile-3.0", "guile", "guile3.0"), ("--version",),
          r"Guile\) (3\.0\S*)"),
    Chez("chez", "Chez", "chezscheme", ("chezscheme", "chez", "scheme"), ("--version",),
         r"^(\d+\.\d+\.\d+\S*)\s*$"),
    Gambit("gambit", "gsi", "gambc", ("gsi",), ("-v",), r"^v(\d\S*) .*\./configure"),
    Chicken("chicken", "csi", "chicken-bin", ("csi",), ("-version",),
            r"CHICKEN[^$]*Version (\S+)"),
)

# (column, limit, what): the geometric mean of peer / Islet, or the least one,
# must be at least the limit.
TARGETS = (
    ("lua", 1.3, "geometric mean"),
    ("luajit", 1.0, "geometric mean"),
    ("guile", 1.0, "geometric mean"),
    ("gambit", 1.0, "least"),
)


def last_lines(text, count=3):
    return "; ".join(line.strip() for line in text.strip().splitlines()[-count:])[:400]


# Times of one run, in seconds. `wall` is None where the system has no such
# clock; `over` says that the run was ended at the limit. `usage` is that of the
# whole process, and `pauses` are those of the collector by kind, for who asks
# for them (collector.py).
Run = collections.namedtuple("Run", "wall cpu over usage pauses", defaults=(False, None, None))

# A process that has ended; `seconds` by the clock, `usage` from wait4.
Process = collections.namedtuple("Process", "output errors status over seconds usage")


def run_process(command, limit=None):
    """Runs a command to its end, or until it has taken `limit` seconds."""
    with tempfile.TemporaryFile("w+", errors="replace") as output, \
            tempfile.TemporaryFile("w+", errors="replace") as errors:
        start = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                              start_new_session=True) as process:
            over = threading.Event()

            def end():
                over.set()
                os.killpg(process.pid, signal.SIGKILL)

            timer = threading.Timer(limit or 0, end)
            try:
                if limit is not None:
                    timer.start()
                # Not yet reaped, so that the timer cannot end another process of that number.
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                timer.cancel()
                if limit is not None:
                    timer.join()
            except BaseException:  # Ctrl-C reaches us, not the process's own session.
                timer.cancel()
                os.killpg(process.pid, signal.SIGKILL)
                raise
            seconds_taken = time.monotonic() - start
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return Process(output.read(), errors.read(), process.returncode,
                       over.is_set() and process.returncode != 0, seconds_taken, usage)


def runs_of(process):
    """What a peer's process has measured, or that it was ended at the limit; [Run] or Failure."""
    if process.over:
        return [Run(process.seconds, process.usage.ru_utime + process.usage.ru_stime, True)]
    runs = []
    for line in process.output.splitlines():
        match = re.fullmatch(r"(\d+|-) (\d+)", line)
        if match:
            runs.append(Run(None if match[1] == "-" else int(match[1]) / 1e9,
                            int(match[2]) / 1e9))
        elif line.startswith("wrong "):
            raise Failure(f"gives a wrong result: {line[6:206]}")
    if process.status != 0 or not runs:
        raise Failure(f"failed (status {process.status}): "
                      f"{last_lines(process.errors or process.output)}")
    return runs


def run_peer(command, limit):
    """Runs a prepared program once; [Run] or Failure."""
    return runs_of(run_process(command, limit))


def run_islet(lisp_bench, folder, program, work):
    """The same with lisp_bench."""
    json_file = os.path.join(work, "islet.json")
    options = ["--quick"] if program.which == "quick" else ["--repetitions=1"]
    process = run_process(
        [lisp_bench, *options, f"--json={json_file}", f"--programs={folder}", program.name])
    if process.status != 0:
        raise Failure(f"failed (status {process.status}): {last_lines(process.errors)}")
    return [Run(run["wall_s"], run["cpu_s"])
            for measured in json.loads(read(json_file)) for run in measured["runs"]]


class Measurements:
    """All runs, and the medians by which systems are compared."""

    def __init__(self, use_cpu_time):
        self.use_cpu_time = use_cpu_time
        self.runs = collections.defaultdict(list)  # (program, column)
        self.failures = {}  # (program, column): message
        self.interrupted = False

    def seconds(self, program, column, cpu=None):
        """The median in seconds, or None; by processor time if `cpu`."""
        runs = self.runs.get((program, column))
        if not runs:
            return None
        cpu = self.counts_cpu(program, column) if cpu is None else cpu
        return median([run.cpu if cpu else run.wall for run in runs])

    def counts_cpu(self, program, column):
        return self.use_cpu_time or any(
            run.wall is None for run in self.runs.get((program, column), ()))

    def is_over(self, program, column):
        return any(run.over for run in self.runs.get((program, column), ()))

    def ratio(self, program, column):
        """Peer / Islet, both by the same clock, or None."""
        cpu = self.counts_cpu(program, column)
        peer = self.seconds(program, column, cpu)
        islet = self.seconds(program, "islet", cpu)
        # A quick run may take no time by a coarse clock.
        return peer / islet if peer and islet else None

    def ratios(self, programs, column):
        found = {name: self.ratio(name, column) for name in programs}
        return {name: ratio for name, ratio in found.items() if ratio is not None}

    def geometric_mean(self, programs, column):
        found = self.ratios(programs, column).values()
        if not found:
            return None
        return math.exp(sum(math.log(ratio) for ratio in found) / len(found))


def measure(programs, systems, options, work, islet, peer):
    """Runs everything, by `islet(program)` and `peer(command, limit)`, which
    give [Run] or Failure. Programs that fail are said to, and left out."""
    measured = Measurements(options.cpu_time)

    def attempt(program, column, run):
        try:
            measured.runs[program.name, column] += run()
        except Failure as failure:
            measured.failures[program.name, column] = str(failure)
            measured.runs.pop((program.name, column), None)
            say(f"{program.name} on {column} {failure}")

    commands = {}
    for program in programs:
        say(f"preparing {program.name}")
        for system in systems:
            if system.lacks(program) is None:
                try:
                    commands[program.name, system.column] = system.prepare(program, work)
                except Failure as failure:
                    measured.failures[program.name, system.column] = str(failure)
                    say(f"{program.name} on {system.column} {failure}")

    try:
        for round_number in range(options.rounds):
            for program in programs:
                say(f"round {round_number + 1} of {options.rounds}: {program.name}")
                if options.islet and (program.name, "islet") not in measured.failures:
                    attempt(program, "islet", lambda program=program: islet(program))
                for system in systems:
                    key = program.name, system.column
                    if key not in commands or key in measured.failures:
                        continue
                    if sum(run.wall or run.cpu for run in measured.runs[key]) > ENOUGH_S:
                        continue
                    attempt(program, system.column,
                            lambda key=key: peer(commands[key], options.limit))
    except KeyboardInterrupt:
        measured.interrupted = True
        say("interrupted: what follows is what was measured until then")
    return measured


def cell(measured, program, column):
    if (program, column) in measured.failures:
        return "failed", ""
    time_s = measured.seconds(program, column)
    if time_s is None:
        return "-", ""
    ratio = measured.ratio(program, column)
    over = ">" if measured.is_over(program, column) else ""
    return f"{over}{time_s:.3f}", "" if ratio is None else f"{over}{ratio:.2f}x"


def print_lines(lines):
    """Prints columns: the first to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines if line) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join([line[0].ljust(widths[0])] + [
            text.rjust(width) for text, width in zip(line[1:], widths[1:])]) if line else "")


def clock_of(measured):
    return ("processor time" if measured.use_cpu_time
            else "time by the clock (Lua: processor time, on both sides of its ratios)")


def print_table(measured, programs, systems):
    names = [program.name for program in programs]
    head = ["seconds", "Islet"]
    for system in systems:
        head += [system.title, "/ Islet"]
    lines = [head]

    def means(title, members):
        line = [title, ""]
        for system in systems:
            mean = measured.geometric_mean(members, system.column)
            line += ["", "-" if mean is None else f"{mean:.2f}x"]
        return line

    summaries = []
    for group, members in GROUPS.items():
        members = [name for name in members if name in names]
        for name in members:
            line = [name, cell(measured, name, "islet")[0]]
            for system in systems:
                line += cell(measured, name, system.column)
            lines.append(line)
        if len(members) > 0 and len(names) > len(members):
            summaries.append(means(group, members))
    lines.append([])
    lines += summaries
    others = [name for name in names if name not in GROUPS["control"]]
    if 0 < len(others) < len(names):
        lines.append(means("all but control", others))
    lines.append(means("geometric mean", names))
    print_lines(lines)
    print(f"\nMedians of {clock_of(measured)}. / Islet: how many times as long as Islet. > and a time: ended at the limit,"
          "\nwhich then counts as its time. -: not measured. Rows of groups are geometric means.")


def print_checked(measured, programs, systems):
    columns = [("islet", "Islet")] + [(system.column, system.title) for system in systems]
    for column, title in columns:
        right = sum((program.name, column) in measured.runs for program in programs)
        wrong = sum((program.name, column) in measured.failures for program in programs)
        print(f"{title:<14}  {right:3} right, {wrong:3} failed, {len(programs) - right - wrong:3} not run")


def judge(measured, programs, targets):
    names = [program.name for program in programs]
    titles = {system.column: system.title for system in SYSTEMS}
    verdicts = []
    for column, limit, what in targets:
        found = measured.ratios(names, column)
        value, program = None, None
        if found and what == "least":
            value, program = min((ratio, name) for name, ratio in found.items())
        elif found:
            value = measured.geometric_mean(names, column)
        verdicts.append({
            "ratio": f"{titles[column]} / Islet, {what}", "program": program, "at_least": limit,
            "measured": value, "reached": None if value is None else value >= limit})
    return verdicts


def print_targets(verdicts):
    print("\nTargets")
    for verdict in verdicts:
        state = {None: "not measured", True: "reached", False: "MISSED"}[verdict["reached"]]
        value = "-" if verdict["measured"] is None else f"{verdict['measured']:.2f}x"
        where = f" ({verdict['program']})" if verdict["program"] else ""
        print(f"  {state:<12}  {verdict['ratio']}: {value}{where}, wanted at least {verdict['at_least']}x")


def to_json(measured, programs, systems, verdicts):
    names = [program.name for program in programs]
    rows = []
    for program in programs:
        for column in ["islet"] + [system.column for system in systems]:
            runs = measured.runs.get((program.name, column))
            failure = measured.failures.get((program.name, column))
            if not runs and not failure:
                continue
            row = {"program": program.name, "size": program.size, "system": column}
            if failure:
                row["failure"] = failure
            else:
                row |= {"wall_s": [run.wall for run in runs], "cpu_s": [run.cpu for run in runs],
                        "ended_at_limit": measured.is_over(program.name, column),
                        "times_islet": 1.0 if column == "islet"
                                       else measured.ratio(program.name, column)}
            rows.append(row)
    means = {"all": names} | {group: [name for name in members if name in names]
                              for group, members in GROUPS.items()}
    return {
        "machine": {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release()},
        "systems": {system.column: f"{system.title}, version {system.version}" for system in systems},
        "clock": "processor" if measured.use_cpu_time else "wall",
        "rows": rows,
        "geometric_means": {
            group: {system.column: measured.geometric_mean(members, system.column)
                    for system in systems}
            for group, members in means.items() if members},
        "targets": verdicts,
    }


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# gnuplot's point types and colours that people with any sight can tell apart.
MARKS = ((7, "#009e73"), (6, "#009e73"), (5, "#d55e00"), (9, "#0072b2"), (4, "#56b4e9"), (8, "#cc79a7"))


def draw(path, measured, programs, systems):
    """Draws the ratios with gnuplot, as an SVG."""
    gnuplot = shutil.which("gnuplot")
    names = [name for members in GROUPS.values() for name in members
             if name in {program.name for program in programs}]
    systems = [system for system in systems if measured.ratios(names, system.column)]
    if not systems:
        say(f"{path} is not drawn: there is nothing to compare")
        return
    script = [
        f"set terminal svg size {200 + 30 * len(names)},520 dynamic enhanced background 'white'",
        f"set output {quoted(path)}",
        "set title 'Times of programs, as multiples of Islet''s (below the line: faster than Islet)'",
        "set logscale y 2",
        "set yrange [*:*]",
        "set format y '%gx'",
        "set grid xtics ytics lt 1 lw 0.5 lc rgb '#cccccc'",
        "set key outside right top",
        f"set xrange [-0.7:{len(names) - 0.3}]",
        "set xtics rotate by 60 right (" + ", ".join(
            f"{quoted(name)} {i}" for i, name in enumerate(names)) + ")",
    ]
    blocks = []
    curves = ["1 with lines lw 2 lc rgb 'black' title 'Islet'"]
    for i, system in enumerate(systems):
        ratios = measured.ratios(names, system.column)
        blocks.append(f"$d{i} << END\n" + "".join(
            f"{names.index(name)} {ratio:.6g}\n" for name, ratio in ratios.items()) + "END")
        shape, color = MARKS[i % len(MARKS)]
        curves.append(f"$d{i} using 1:2 with points pt {shape} ps 0.8 lc rgb '{color}' title {quoted(system.title)}")
    script += blocks + ["plot " + ", \\\n  ".join(curves)]
    answer = subprocess.run([gnuplot], input="\n".join(script) + "\n", capture_output=True,
                            text=True, check=False)
    if answer.returncode != 0 or not os.path.exists(path):
        raise Failure(f"gnuplot: {last_lines(answer.stderr)}")


class Parser(argparse.ArgumentParser):
    def __init__(self):
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("--programs", required=True)
        self.add_argument("--islet")
        self.add_argument("--json")
        self.add_argument("--rounds", type=int, default=3)
        self.add_argument("--limit", type=float, default=DEFAULT_LIMIT_S)
        self.add_argument("--systems")
        self.add_argument("--cpu-time", action="store_true")
        self.add_argument("--quick", action="store_true")
        self.add_argument("names", nargs="*")

    def error(self, message):
        say(f"{message}; see --help")
        sys.exit(2)

    def check(self, options, programs, systems):
        """Ends us unless the options are right; gives the columns and the
        programs' names that are wanted, in order."""
        if not 1 <= options.rounds <= 100:
            self.error("--rounds must be 1 to 100")
        if not 1 <= options.limit <= 3600:
            self.error("--limit must be 1 to 3600 seconds")
        for name in options.names:
            if name not in programs:
                self.error(f"no program named {name}; there are: {' '.join(programs)}")
        columns = [system.column for system in systems]
        wanted = columns if options.systems is None else options.systems.split(",")
        for column in wanted:
            if column not in columns:
                self.error(f"no system named {column!r}; there are: {','.join(columns)}")
        if options.quick:
            options.rounds = 1
            if options.json or getattr(options, "plot", None):
                self.error("--quick measures nothing, so there is nothing for --json or --plot")
        return wanted, [name for name in programs if not options.names or name in options.names]


def parse(arguments):
    parser = Parser()
    parser.add_argument("--plot")
    options = parser.parse_args(arguments)
    known = sorted(name.removesuffix(".lisp") for name in os.listdir(options.programs)
                   if name.endswith(".lisp"))
    grouped = [name for members in GROUPS.values() for name in members]
    if sorted(grouped) != known:
        sys.exit("the groups in language.py do not list the programs of "
                 f"{options.programs}: {' '.join(sorted(set(grouped) ^ set(known)))}")
    wanted, names = parser.check(options, grouped, SYSTEMS)
    if options.plot and not shutil.which("gnuplot"):
        say(f"{options.plot} is not drawn: gnuplot is not installed; it comes with Debian's"
            " package gnuplot-nox")
        options.plot = None
    return options, names, wanted


def installed(systems, wanted):
    """Those that can be used; says which are missing, and how to have them."""
    found = []
    for system in systems:
        if system.column not in wanted:
            continue
        if system.find():
            found.append(system)
        else:
            say(f"{system.title} is left out: it comes with Debian's package {system.package}")
    return found


def main():
    options, names, wanted = parse(sys.argv[1:])
    which = "quick" if options.quick else "full"
    programs = [Program(options.programs, name, which) for name in names]
    systems = installed(SYSTEMS, wanted)
    if not systems and not options.islet:
        say("nothing to measure")
        sys.exit(1)
    for system in systems:
        reasons = collections.defaultdict(list)
        for program in programs:
            if reason := system.lacks(program):
                reasons[reason].append(program.name)
        for reason, lacking in reasons.items():
            say(f"{system.title} lacks {reason} for: {' '.join(lacking)}")

    with tempfile.TemporaryDirectory() as work:
        measured = measure(
            programs, systems, options, work,
            lambda program: run_islet(options.islet, options.programs, program, work), run_peer)
    if options.quick:
        print_checked(measured, programs, systems)
        sys.exit(1 if measured.failures or measured.interrupted else 0)
    verdicts = judge(measured, programs, TARGETS)
    print_table(measured, programs, systems)
    print("\n" + ", ".join(f"{system.title}: {system.version}" for system in systems))
    print_targets(verdicts)
    if options.json:
        write_whole(options.json, to_json(measured, programs, systems, verdicts))
    if options.plot:
        try:
            draw(options.plot, measured, programs, systems)
        except Failure as failure:
            say(f"{options.plot} is not drawn: {failure}")
            sys.exit(1)
    sys.exit(1 if measured.failures or measured.interrupted else 0)


if __name__ == "__main__":
    main()
