"""Ways of linking a program that need to know the configuration."""

# `linkopts = SHARED_OBJECT` makes a shared object of what is linked from archives elsewhere: Debian's archives of these are made
# for programs, and cannot be part of a shared object. They are on the command line as well, for what else they have; as these
# options stand before them, and lld takes from an archive only what nothing has defined so far, nothing of them is linked.
SHARED_OBJECT = [
    "-fuse-ld=lld",
    "-B/usr/lib/llvm-19/bin",
    "-Wl,-z,text",
    "-lgmp",
] + ["-labsl_" + library for library in [
    "cord",
    "cordz_info",
    "status",
    "statusor",
    "str_format_internal",
    "strings",
    "throw_delegate",
]]

# `linkopts = FULLY_STATIC` makes a position-independent program that needs no dynamic loader: it starts sooner, and
# runs on any Linux. The sanitizers' run times do not support it, nor does the linker that Bazel finds by itself in workspaces
# of others (gold); there the program is linked as usual. (Bazel adds -pie, of which clang says that it is unused.)
FULLY_STATIC = select({
    "@islet//third_party:detected_toolchain": [],
    "@islet//third_party:asan": [],
    "@islet//third_party:tsan": [],
    "//conditions:default": [
        "-static-pie",
        # Some 150 KB less: nearly all relocations are of pointers to the program itself.
        "-Wl,-z,pack-relative-relocs",
        "-Wno-unused-command-line-argument",
    ],
})
