"""Bazel rules for hosts of Islet: Lisp libraries, and snapshots linked into a program.

In a workspace of your own, WORKSPACE has (Bazel 4.2 or later; Debian packages as in third_party/debian-packages.txt)

    local_repository(name = "islet", path = "/path/to/islet")

    load("@islet//sdk:islet.bzl", "islet_deps")

    islet_deps()

and BUILD files of it

    load("@islet//sdk:islet.bzl", "islet_library", "islet_snapshot")

    islet_library(
        name = "geometry",
        srcs = ["shapes/area.sld"],         # (shapes area)
    )

    islet_snapshot(
        name = "startup",
        srcs = ["startup.lisp"],            # evaluated in this order
        data = ["table.txt"],               # which startup.lisp opens as "table.txt"
        deps = [":geometry"],
    )

    cc_binary(
        name = "host",
        srcs = ["host.cc"],                 # #include "<this package>/startup.h"
        copts = ["-std=c++20"],             # as islet/isolate.h needs
        deps = [":startup", "@islet//sdk"],  # or, for islet/islet.h, "@islet//bindings/c:islet"
    )
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load(":deps.bzl", _islet_deps = "islet_deps")

islet_deps = _islet_deps

IsletLibraryInfo = provider(
    doc = "Lisp libraries that a script or another library may import.",
    fields = {
        "files": "depset of File: the libraries' sources, and what they include.",
        "search_path": "depset of string: directories to search, relative to the execution root.",
    },
)

def _search_path(ctx, files):
    """Where library (a b) of these files is looked for: as a/b.sld or a/b.lisp in each directory returned."""
    roots = ["."] if not ctx.label.workspace_root else [ctx.label.workspace_root]
    if [file for file in files if not file.is_source]:
        roots.append(ctx.bin_dir.path + ("/" + ctx.label.workspace_root if ctx.label.workspace_root else ""))
    packages = []
    for root in roots:
        if ctx.label.package:
            packages.append(ctx.label.package if root == "." else root + "/" + ctx.label.package)
    return packages + roots

def _collect(ctx, files):
    libraries = [dep[IsletLibraryInfo] for dep in ctx.attr.deps]
    return IsletLibraryInfo(
        files = depset(files, transitive = [library.files for library in libraries]),
        # Preorder: a target's own directories come before those of what it depends on.
        search_path = depset(
            _search_path(ctx, files),
            transitive = [library.search_path for library in libraries],
            order = "preorder",
        ),
    )

def _islet_library_impl(ctx):
    info = _collect(ctx, ctx.files.srcs + ctx.files.data)
    return [info, DefaultInfo(files = depset(ctx.files.srcs))]

islet_library = rule(
    implementation = _islet_library_impl,
    doc = "Lisp libraries: (a b) is a/b.sld or a/b.lisp, relative to this package or to the repository's root.",
    attrs = {
        "srcs": attr.label_list(
            allow_files = [".sld", ".lisp", ".scm"],
            doc = "Library definitions, and files that they include.",
        ),
        "data": attr.label_list(
            allow_files = True,
            doc = "Files that the libraries read while they are loaded.",
        ),
        "deps": attr.label_list(
            providers = [IsletLibraryInfo],
            doc = "islet_library targets that these libraries import from.",
        ),
    },
)

# What snapshot_gen is asked for, and what this rule relies on. All paths are relative to the execution root,
# which is also the working directory of the tool and the assembler.
#
#   snapshot_gen -o P/NAME.snap --emit=snap,asm --symbol SYMBOL [-L DIR]... [OPTION]... SCRIPT...
#
# It must write these files:
#   P/NAME.snap   the snapshot.
#   P/NAME.S      assembler source that puts the snapshot into .rodata. Run through the C preprocessor, it must be
#                 good for clang and GCC, and for position-independent code too. The path in .incbin is the
#                 argument of -o, as given:
#
#                     .section .rodata.islet_snapshot_SYMBOL, "a", @progbits
#                     .balign 4096                       # pages are mapped from the executable's own file
#                     .globl islet_snapshot_SYMBOL_begin
#                     .type islet_snapshot_SYMBOL_begin, @object
#                     islet_snapshot_SYMBOL_begin:
#                     .incbin "P/NAME.snap"
#                     .globl islet_snapshot_SYMBOL_end
#                     .type islet_snapshot_SYMBOL_end, @object
#                     islet_snapshot_SYMBOL_end:
#                     .size islet_snapshot_SYMBOL_begin, . - islet_snapshot_SYMBOL_begin
#                     .balign 4096                       # nothing else shares the last page
#                     .section .note.GNU-stack, "", @progbits
#
#                 Linkers merge .rodata.* into .rodata; a section of its own lets --gc-sections drop a snapshot
#                 that nothing refers to.
#   P/NAME.h      declares both symbols, in C and in C++, with a guard made of SYMBOL, not of the path.
#
# The tool is built in the same configuration as the program (cfg = "target"), because a snapshot fits only the
# run time whose fingerprint it carries. So a sanitizer's or GCC's program gets its snapshot from a tool built
# alike, and nothing is compiled twice.

def _islet_snapshot_impl(ctx):
    name = ctx.label.name
    symbol = ctx.attr.symbol or name
    for character in symbol.elems():
        if not (character.isalnum() or character == "_"):
            fail("'%s' cannot be part of a C identifier; set `symbol`." % symbol, attr = "symbol")
    if not ctx.files.srcs:
        fail("a snapshot needs at least one script", attr = "srcs")

    snapshot = ctx.actions.declare_file(name + ".snap")
    assembler = ctx.actions.declare_file(name + ".S")
    header = ctx.actions.declare_file(name + ".h")
    libraries = _collect(ctx, ctx.files.srcs)

    arguments = ctx.actions.args()
    arguments.add("-o", snapshot)
    arguments.add("--emit=snap,asm")
    arguments.add("--symbol", symbol)
    arguments.add_all(libraries.search_path, before_each = "-L")
    arguments.add_all(ctx.attr.options)
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = ctx.executable.gen,
        arguments = [arguments],
        inputs = depset(ctx.files.data, transitive = [libraries.files]),
        outputs = [snapshot, assembler, header],
        # Only a leak checker would look at how the tool exits, and it need not free what dies with it.
        env = {"ASAN_OPTIONS": "detect_leaks=0", "LC_ALL": "C.UTF-8"},
        mnemonic = "IsletSnapshot",
        progress_message = "Freezing %s" % ctx.label,
    )

    # Not a cc_library: a C++ compilation forgets inputs that its dependency file does not name, and no
    # dependency file names what .incbin reads. As a plain action this depends on the snapshot for good.
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    object = ctx.actions.declare_file(name + ".snap.o")
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = "preprocess-assemble",
        ),
        arguments = ["-c", assembler.path, "-o", object.path],
        inputs = depset([assembler, snapshot], transitive = [toolchain.all_files]),
        outputs = [object],
        mnemonic = "IsletEmbed",
        progress_message = "Embedding %s" % ctx.label,
    )

    # The object holds data only, so it serves position-independent programs and others alike.
    objects = cc_common.create_compilation_outputs(
        objects = depset([object]),
        pic_objects = depset([object]),
    )
    linking_context, _ = cc_common.create_linking_context_from_compilation_outputs(
        actions = ctx.actions,
        name = name,
        feature_configuration = features,
        cc_toolchain = toolchain,
        compilation_outputs = objects,
        disallow_dynamic_library = True,
    )
    return [
        DefaultInfo(
            files = depset([snapshot]),
            # For who has it among `data`; a program that embeds it needs no file.
            data_runfiles = ctx.runfiles(files = [snapshot]),
        ),
        OutputGroupInfo(
            asm = depset([assembler]),
            header = depset([header]),
        ),
        CcInfo(
            compilation_context = cc_common.create_compilation_context(
                headers = depset([header]),
                quote_includes = depset([
                    ctx.bin_dir.path + ("/" + ctx.label.workspace_root if ctx.label.workspace_root else ""),
                ]),
            ),
            linking_context = linking_context,
        ),
    ]

islet_snapshot = rule(
    implementation = _islet_snapshot_impl,
    doc = """Evaluates scripts at build time and freezes the heap that results.

The target can be among the `deps` of a cc_binary, cc_library or cc_test, which then embeds the snapshot and may
`#include "PACKAGE/NAME.h"`; and among `data`, as the one file NAME.snap.""",
    attrs = {
        "srcs": attr.label_list(
            allow_files = True,
            mandatory = True,
            doc = "Scripts, evaluated in this order in one isolate.",
        ),
        "data": attr.label_list(
            allow_files = True,
            doc = """Files that the scripts read while they run. A relative name in a script is relative to that
script; so generated files go with generated scripts, and files of the system by their absolute name.""",
        ),
        "deps": attr.label_list(
            providers = [IsletLibraryInfo],
            doc = "islet_library targets that the scripts import from.",
        ),
        "symbol": attr.string(
            doc = "The C name: islet_snapshot_SYMBOL_begin and _end. By default the target's name.",
        ),
        "options": attr.string_list(
            doc = "Further options of snapshot_gen, such as limits on time and memory.",
        ),
        "gen": attr.label(
            default = "//snapshot:snapshot_gen",
            executable = True,
            cfg = "target",
            doc = "The tool. Only the standard library's own snapshot is made by another one.",
        ),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    fragments = ["cpp"],
    provides = [CcInfo],
)
