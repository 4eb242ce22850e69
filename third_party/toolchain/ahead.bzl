"""Headers that clang compiles ahead, in a repository of their own: all of the toolchain's compilations need them, so they
cannot be built by it."""

load(":flags.bzl", "AHEAD", "COMPILE_FLAGS", "REPRODUCIBLE_FLAGS", "VARIANTS")

def _ahead_impl(ctx):
    ctx.path(ctx.attr.installed)  # so that this is done again when it changes
    commands = []
    for folder, flags in AHEAD.items():
        ctx.execute(["mkdir", "-p", folder])
        for name, last in VARIANTS.items():
            # From standard input and in the root folder, so that the result names no folder, and is the same everywhere.
            commands.append("cd / && /usr/lib/llvm-19/bin/clang -x c++-header -std=c++20 -fPIC -Xclang -fno-pch-timestamp " +
                            "%s -o '%s/%s/%s.pch' - <'%s'" % (
                                " ".join(["'%s'" % flag for flag in COMPILE_FLAGS + flags + REPRODUCIBLE_FLAGS + last]),
                                ctx.path("."),
                                folder,
                                name,
                                ctx.path(ctx.attr.header),
                            ))
    ctx.file("commands", "\n".join(commands) + "\n", executable = False)
    result = ctx.execute(["sh", "-c", "xargs -d '\n' -n 1 -P $(nproc) sh -c <commands"])
    if result.return_code != 0:
        fail("clang-19 could not compile %s ahead: %s" % (ctx.attr.header, result.stderr))
    ctx.file("BUILD.bazel", """filegroup(
    name = "ahead",
    srcs = glob(["**/*.pch"]),
    visibility = ["//visibility:public"],
)
""")

ahead = repository_rule(
    implementation = _ahead_impl,
    attrs = {
        "header": attr.label(default = "//third_party/toolchain:ahead.h", allow_single_file = True),
        # What packages are installed, and so which headers there are.
        "installed": attr.label(default = "@dpkg//:status", allow_single_file = True),
    },
)
