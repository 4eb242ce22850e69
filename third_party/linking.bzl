"""Ways of linking a program that need to know the configuration."""

# `linkopts = FULLY_STATIC` makes a position-independent program that needs no dynamic loader: it starts sooner, and
# runs on any Linux. The sanitizers' run times do not support it, so there the program is linked as usual. (Bazel adds -pie,
# of which clang says that it is unused.)
FULLY_STATIC = select({
    "//third_party:asan": [],
    "//third_party:tsan": [],
    "//conditions:default": [
        "-static-pie",
        "-Wno-unused-command-line-argument",
    ],
})
