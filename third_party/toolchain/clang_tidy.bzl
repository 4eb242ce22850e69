"""clang-tidy as an aspect: `./bazelw build --config=tidy //...` checks the sources of all targets by .clang-tidy, and, as Bazel keeps
what passed, each but once."""

_EXTENSIONS = ["cc", "c"]

def _clang_tidy_impl(target, ctx):
    theirs = target.label.workspace_name != "" or target.label.package.startswith("third_party")
    if theirs or CcInfo not in target or not hasattr(ctx.rule.attr, "srcs"):
        return [OutputGroupInfo(tidy = depset())]
    compilation = target[CcInfo].compilation_context
    flags = []
    for define in depset(transitive = [compilation.defines, compilation.local_defines]).to_list():
        flags.append("-D" + define)
    for option, directories in [
        ("-iquote", compilation.quote_includes),
        ("-I", compilation.includes),
        ("-isystem", compilation.system_includes),
    ]:
        for directory in directories.to_list():
            flags += [option, directory]
    checked = []
    for source in [f for files in ctx.rule.attr.srcs for f in files.files.to_list()]:
        # Tests use macros of GoogleTest, which no check understands.
        if source.extension not in _EXTENSIONS or not source.is_source or source.basename.endswith("_test.cc"):
            continue
        stamp = ctx.actions.declare_file("%s.%s.tidy" % (ctx.rule.attr.name, source.basename))
        ctx.actions.run_shell(
            inputs = depset([source, ctx.file._checks] + ctx.rule.files.srcs, transitive = [compilation.headers]),
            outputs = [stamp],
            command = 'clang-tidy-19 --quiet --config-file="$1" "$2" -- "${@:4}" >"$3.log" 2>&1 || ' +
                      '{ grep -v " warnings generated" "$3.log"; exit 1; }; touch "$3"',
            arguments = [ctx.file._checks.path, source.path, stamp.path] +
                        (["-std=c++20"] if source.extension == "cc" else ["-std=c11"]) + flags,
            mnemonic = "ClangTidy",
            progress_message = "Checking %s" % source.short_path,
            use_default_shell_env = True,
        )
        checked.append(stamp)
    return [OutputGroupInfo(tidy = depset(checked))]

clang_tidy = aspect(
    implementation = _clang_tidy_impl,
    attrs = {"_checks": attr.label(default = "//:.clang-tidy", allow_single_file = True)},
)
