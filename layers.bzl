"""The layers of Islet, lowest first. What a package's `default_visibility = above(...)` refuses, no target of a lower layer can
depend on, and what it does not depend on, it cannot include: actions see only the headers of what they depend on.

Below all of them stand //include, the public headers, and //third_party. What hosts use is public by itself: //sdk,
//bindings/c, the standard library's snapshot, and the tools."""

LAYERS = [
    "isolate/process",  # fork, threads, stacks: what the system does to a process
    "isolate/capabilities",  # the files, clock and streams of the process, as a host grants them
    "isolate/heap",  # values, objects, cage, collector
    "isolate/data",  # strings, symbols, hash tables, equality
    "isolate/numbers",  # the numeric tower
    "isolate/interpreter",  # bytecode and the machine that runs it
    "isolate/reader",  # text to data
    "isolate/printer",  # data to text
    "isolate/expander",  # data to core forms
    "isolate/compiler",  # core forms to bytecode
    "isolate/ports",  # ports, what they lead to, and all else that an isolate was granted
    "isolate/runtime",  # the primitives
    "isolate/evaluator",  # read, expand, compile, run; libraries
    "snapshot",  # freezing a heap, and opening what was frozen
    "isolate/lib",  # the standard library, in Lisp
    "sdk",  # the public interface's implementation
    "sdk/shell",
    "bindings/c",
]

# These see everything: they measure it, or try to break it.
_OBSERVERS = [
    "bench",
    "fuzz",
    "isolate/conformance",
    "tests",
]

def above(layer):
    """The visibility of what belongs to a layer.

    Args:
      layer: a package in LAYERS.
    Returns:
      Labels of the packages that may depend on it: the layers above, tests, fuzzers and benchmarks.
    """
    if layer not in LAYERS:
        fail("%s is none of LAYERS in //:layers.bzl: give it a place there" % layer)
    return (
        ["//%s:__pkg__" % package for package in LAYERS[LAYERS.index(layer) + 1:]] +
        ["//%s:__subpackages__" % package for package in _OBSERVERS]
    )
