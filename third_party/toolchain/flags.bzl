"""What both compilers, and the headers that clang compiles ahead, are told."""

# Hidden visibility: code is position-independent everywhere (--force_pic), and calls and globals of our own need
# neither the procedure linkage table nor the global offset table. What a shared object exports says so.
COMPILE_FLAGS = [
    "-fstack-protector-strong",
    "-fstack-clash-protection",
    "-fcf-protection",
    "-fno-plt",
    "-fvisibility=hidden",
]

OPT_FLAGS = [
    "-O2",
    "-g1",
    "-DNDEBUG",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=3",
    "-fomit-frame-pointer",
    "-ffunction-sections",
    "-fdata-sections",
]

# The same sources give the same objects on any day.
REPRODUCIBLE_FLAGS = [
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"redacted\"",
    "-D__TIMESTAMP__=\"redacted\"",
    "-D__TIME__=\"redacted\"",
]

# Folders of headers compiled ahead, and the flags on which that depends, as the configurations of that name in .bazelrc
# have them.
_SANITIZED = ["-O1", "-g", "-fno-omit-frame-pointer"]
_ASAN = _SANITIZED + ["-fsanitize=address,undefined", "-D_GLIBCXX_ASSERTIONS"]
AHEAD = {
    "opt": OPT_FLAGS,
    "asan": _ASAN,
    "fuzz": _ASAN + ["-fsanitize=fuzzer-no-link"],
    "tsan": _SANITIZED + ["-fsanitize=thread"],
}

# What of them some sources differ in: tests' own (.bazelrc), and the interpreter (isolate/interpreter/BUILD.bazel).
VARIANTS = {
    "most": [],
    "tests": ["-O0"],
    "interpreter": ["-fcf-protection=return"],
}
