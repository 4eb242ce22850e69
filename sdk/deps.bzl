"""What a workspace must declare to build Islet: see islet_deps."""

load("//packaging:version.bzl", "islet_version")

def _stand_in_impl(ctx):
    for child in ctx.path(ctx.attr.beside).dirname.get_child(ctx.attr.folder).readdir():
        ctx.symlink(child, child.basename)

_stand_in = repository_rule(
    implementation = _stand_in_impl,
    doc = "A folder of this repository as a repository of its own, wherever this one is.",
    attrs = {
        "beside": attr.label(default = "//third_party:BUILD.bazel", allow_single_file = True),
        "folder": attr.string(mandatory = True),
    },
    local = True,
)

def islet_deps():
    """Declares the repositories that Islet's targets refer to, but for those that the workspace has declared before.

    Every dependency is a Debian package (third_party/debian-packages.txt), found in its usual place. Nothing is fetched.
    """
    declared = native.existing_rules()

    # Bazel's built-in WORKSPACE suffix downloads these unless they exist already; the stand-ins forward to Bazel's native
    # rules.
    for name in ["rules_cc", "rules_java", "remote_coverage_tools"]:
        if name not in declared:
            _stand_in(name = name, folder = name)

    # Unicode's tables, which the runtime is made from.
    if "unicode_data" not in declared:
        native.new_local_repository(
            name = "unicode_data",
            build_file = "@islet//third_party:unicode_data.BUILD",
            path = "/usr/share/unicode",
        )
    if "islet_version" not in declared:
        islet_version(name = "islet_version")
