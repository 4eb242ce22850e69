"""The version, for the build itself: @islet_version//:version.bzl, made from include/islet/version.h."""

def _islet_version_impl(ctx):
    numbers = {}
    for line in ctx.read(ctx.path(ctx.attr.header)).split("\n"):
        words = line.split(" ")
        if len(words) == 3 and words[0] == "#define" and words[2].isdigit():
            numbers[words[1]] = words[2]
    version = [numbers["ISLET_VERSION_" + part] for part in ["MAJOR", "MINOR", "PATCH"]]
    ctx.file("BUILD.bazel", """exports_files(["version.bzl"])""", executable = False)
    ctx.file("version.bzl", """VERSION = "%s"
MAJOR_VERSION = %s
MINOR_VERSION = %s
""" % (".".join(version), version[0], version[1]), executable = False)

islet_version = repository_rule(
    implementation = _islet_version_impl,
    attrs = {"header": attr.label(default = "//include:islet/version.h", allow_single_file = True)},
)
