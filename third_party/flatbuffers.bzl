"""C++ from FlatBuffers schemas."""

# Lets a vector (the heap image) ask for page alignment. Not a define of the target: headers that are compiled ahead fit only
# sources without any.
_ALIGNMENT = "#define FLATBUFFERS_MAX_ALIGNMENT 4096"

def flatbuffers_cc_library(name, srcs, deps = [], visibility = None):
    """Generates NAME_generated.h for each NAME.fbs with the system's flatc.

    The headers are included by their path from the repository's root: "snapshot/snapshot_generated.h".

    Args:
      name: name of the cc_library that carries the headers.
      srcs: .fbs files of this package; none includes another.
      deps: further cc_library targets.
      visibility: as usual.
    """
    headers = []
    for src in srcs:
        header = src[:-len(".fbs")] + "_generated.h"
        headers.append(header)
        native.genrule(
            name = header[:-len(".h")],
            srcs = [src],
            outs = [header],
            cmd = "flatc --cpp --cpp-std c++17 --scoped-enums -o $(RULEDIR) $< && sed -i '1i %s' $@" % _ALIGNMENT,
            message = "Generating C++ from",
        )
    native.cc_library(
        name = name,
        hdrs = headers,
        visibility = visibility,
        deps = deps + ["//third_party:flatbuffers"],
    )
