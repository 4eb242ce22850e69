"""One archive of all of Islet's own objects, for programs that are not built by Bazel."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _merged_archive_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    objects = []
    options = []
    for input in ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list():
        options += [option for option in input.user_link_flags if not option.startswith("-Wl,")]
        for library in input.libraries:
            objects += library.pic_objects or library.objects

    archive = ctx.actions.declare_file(ctx.attr.name)
    arguments = ctx.actions.args()
    arguments.add(toolchain.ar_executable)
    arguments.add(toolchain.objcopy_executable)
    arguments.add(archive)
    arguments.add_all(objects)
    ctx.actions.run(
        executable = ctx.executable._merge,
        arguments = [arguments],
        inputs = depset(objects, transitive = [toolchain.all_files]),
        outputs = [archive],
        mnemonic = "IsletArchive",
        progress_message = "Merging objects into %s" % ctx.label,
    )

    # What a program that links the archive needs besides, one a line: archives need one another in every direction.
    libraries = depset([option for option in options if option.startswith("-l")]).to_list()
    others = depset([option for option in options if not option.startswith("-l")]).to_list()
    flags = ctx.actions.declare_file(ctx.attr.name + ".flags")
    ctx.actions.write(flags, "\n".join(
        ["-Wl,--start-group"] + libraries + ["-Wl,--end-group"] + others + ["-lstdc++", "-lm"],
    ) + "\n")
    return [
        DefaultInfo(files = depset([archive])),
        OutputGroupInfo(flags = depset([flags])),
    ]

merged_archive = rule(
    implementation = _merged_archive_impl,
    doc = """Merges the objects of a cc_library, and of all that it depends on, into one archive NAME.

Objects are position-independent, without debugging information, and named after their packages. Libraries of the system stay
out of it; output group `flags` is a file of the linker's options for them.""",
    attrs = {
        "library": attr.label(providers = [CcInfo], mandatory = True),
        "_merge": attr.label(default = ":merge_objects", executable = True, cfg = "exec"),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    fragments = ["cpp"],
)
