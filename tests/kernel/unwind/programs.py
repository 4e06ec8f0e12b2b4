# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs whose stacks are looked at: workloads with known answers, and what is installed."""
import os
import pathlib
import re
import shutil
import subprocess

from elf_file import elf_file
from recording import OTHER_UID, Program

WORKLOADS = pathlib.Path(os.environ["WORKLOADS"]).resolve()
SCRIPTS = pathlib.Path(__file__).resolve().parent / "scripts"

LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"

# Both begin at main; main's callers are libc's (2.34 and newer), as libc6-dbg names them.
FROM_MAIN = r"main;__libc_start_call_main;__libc_start_main(_impl)?;_start"
CHAIN = "".join(f"chain_{i:02};" for i in range(22, 0, -1))
BURNING = rf"(chain_burn;)?chain_end;{CHAIN}"
# With the two of libc and _start: 27 and 607 frames.
RECURSE = {depth: rf"(even_burn;)?recurse_even;(recurse_odd;recurse_even;){{{depth // 2}}}"
           for depth in (20, 600)}
HANDLED = r"(((handler_burn;)?on_signal;|(__restore_rt;)?)__restore_rt;)?"
SORTING = r"(compare_burn;)?(compare;)?(msort_with_tmp(\.part\.0)?;)*(__)?(GI_)?(__)?qsort_r;"

CXX = """#include <algorithm>
#include <map>
#include <regex>
#include <string>
#include <vector>
template <int N> struct item {{
  std::map<std::string, std::vector<int>> all; int a[N + 1]; int key() const {{ return a[N]; }}
}};
template <int N> int use(std::vector<item<N>> &v, const std::string &s) {{
  std::sort(v.begin(), v.end(), [](auto &x, auto &y) {{ return x.key() < y.key(); }});
  std::regex r(s); int n = 0;
  for (auto &i : v) for (auto &p : i.all) if (std::regex_search(p.first, r)) n += p.second.size();
  return n;
}}
{uses}
"""


def workload(name):
    return str(WORKLOADS / name)


def own_programs():
    """Workloads of tests/workloads; all of their stacks are known."""
    return [
        Program("chain", [workload("chain"), "burn"], known=BURNING + FROM_MAIN,
                least={"^chain_burn;": 0.9}, twin=[workload("chain_fp"), "burn"]),
        Program("syscalls", [workload("chain"), "syscall"],
                known=rf"((plt|syscall);)?chain_end;{CHAIN}{FROM_MAIN}", least={"^syscall;": 0.5}),
        Program("two_libraries", [workload("recurse"), "20"], known=RECURSE[20] + FROM_MAIN,
                twin=[workload("recurse_fp"), "20"]),
        Program("recursion_600", [workload("recurse"), "600"], known=RECURSE[600] + FROM_MAIN),
        Program("handler", [workload("handler")],
                known=rf"{HANDLED}(interrupted;)?caller;{FROM_MAIN}",
                least={"^handler_burn;on_signal;__restore_rt;interrupted;caller;main;": 0.1}),
        Program("handler_alternate", [workload("handler"), "alternate"],
                known=rf"{HANDLED}(interrupted;)?caller;{FROM_MAIN}",
                least={"^handler_burn;on_signal;__restore_rt;interrupted;caller;main;": 0.1}),
        Program("callbacks", [workload("callbacks")],
                known=rf"(plt;)?({SORTING})?sort_all;{FROM_MAIN}",
                least={"^compare_burn;compare;msort": 0.9}, oracles=("dwarf",)),
        Program("plt_heavy", [workload("plt_heavy")],
                known=rf"(plt;|tiny_one;|tiny_two;)?call_tiny;{FROM_MAIN}", least={"^plt;": 0.002}),
        Program("vfork", [workload("vforker")], exe=workload("vforker"),
                known=rf"(parent_burn;|(child_burn;|\S*?;)?one_child;)?{FROM_MAIN}",
                apart="execve|_Exit", own=0.5,
                least={"^parent_burn;": 0.1, "^child_burn;one_child;main;": 0.1}),
        Program("dlopen",
                [workload("dlopen_frameless"), workload("liblibrary_burn.so"), "500", "60000"],
                known=rf"\S*?(burn_in_library|burn_for);{FROM_MAIN}", wait_for="liblibrary_burn"),
    ]


def forged(path):
    """A program of another user's that says it were libc, with call frame information that is
    well-formed and wrong: each "the CFA is rsp + N" says 8."""
    data = bytearray(pathlib.Path(workload("chain")).read_bytes())
    chain, libc = elf_file(workload("chain")), elf_file(LIBC)
    note = data.find(bytes.fromhex(chain.build_id))
    data[note:note + len(chain.build_id) // 2] = bytes.fromhex(libc.build_id)
    section = chain.section(".eh_frame")
    begin, end = section[4], section[4] + section[5]
    data[begin:end] = re.sub(rb"\x0e[\x10-\xff]", b"\x0e\x08", data[begin:end])
    path.write_bytes(data)
    path.chmod(0o755)
    os.chown(path, OTHER_UID, OTHER_UID)
    return [str(path), "burn"]


def placed_programs(directory):
    """The chain from places where a file is hard to come by."""
    known, chain = BURNING + FROM_MAIN, workload("chain")
    private, shown = directory / "private", directory / "shown"
    private.mkdir()
    shown.mkdir()
    shutil.copy(chain, directory / "deleted")
    shutil.copy(chain, private / "boxed")
    subprocess.run(["strip", "-s", "-o", str(directory / "stripped"), workload("chain_static")],
                   check=True)
    return [
        Program("deleted", [str(directory / "deleted"), "burn"], known=known,
                symbols={"deleted": chain}, started=(directory / "deleted").unlink),
        Program("namespace",
                ["unshare", "-m", "--propagation", "private", "sh", "-c",
                 f"mount --bind {private} {shown} && exec {shown}/boxed burn"],
                known=known, symbols={"boxed": chain}, wait_for=f"{shown}/boxed"),
        Program("stripped_static", [str(directory / "stripped"), "burn"], known=known,
                symbols={"stripped": workload("chain_static")}),
        Program("beside_forged", [chain, "burn"], known=known,
                beside=forged(directory / "forged")),
    ]


def system_programs(directory):
    """What Debian ships, without frame pointers (but for Go's) and mostly without symbols."""
    goroutine = str(directory / "goroutine")
    subprocess.run(["go", "build", "-o", goroutine, str(SCRIPTS / "goroutine.go")], check=True,
                   env={"PATH": os.environ["PATH"], "HOME": str(directory), "GOPROXY": "off",
                        "GOCACHE": str(directory / "gocache"), "GOTOOLCHAIN": "local"})
    source = directory / "source.cc"
    uses = "\n".join(f"int f{i}(std::vector<item<{i}>> &v) {{ return use<{i}>(v, \"a{i}*b\"); }}"
                     for i in range(400))
    source.write_text(CXX.format(uses=uses))
    preprocessed = directory / "source.ii"
    subprocess.run(["g++", "-E", str(source), "-o", str(preprocessed)], check=True)
    cc1plus = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True,
                             check=True).stdout.strip()
    big = "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1"
    # Tables are compiled one after the other: one may have to wait for clang's.
    return [
        Program("python", ["/usr/bin/python3.11", "-S", str(SCRIPTS / "recursion.py")],
                oracles=("dwarf",)),
        Program("perl", ["/usr/bin/perl", str(SCRIPTS / "recursion.pl")], oracles=("dwarf",)),
        Program("bash", ["/bin/bash", str(SCRIPTS / "recursion.bash")], oracles=("dwarf",)),
        Program("xz", ["/usr/bin/xz", "-9", "-c", big], oracles=("dwarf",)),
        # Its garbage collector recurses by the thousand, and would be most of what there is to see
        # whenever the samples happen to fall into it: it has no reason to begin.
        Program("cc1plus", [cc1plus, "-quiet", "-O2", "--param=ggc-min-heapsize=16000000",
                            "-fpreprocessed", str(preprocessed), "-o", os.devnull],
                oracles=("dwarf",), warm_s=2),
        Program("clang", [shutil.which("clang"), "-O2", "-c", str(source), "-o", os.devnull],
                oracles=("dwarf",), warm_s=4),
        Program("rust", ["/usr/bin/rg", "--no-mmap", "-j1", "-c", r"(\w+)\s+(\w*)x\w+y|[a-z]{3,9}Q",
                         "--text"] + [big] * 50, oracles=("dwarf",), warm_s=4),
        Program("node", ["/usr/bin/node", str(SCRIPTS / "recursion.js")],
                oracles=("dwarf", "fp"), warm_s=3),
        Program("java", ["/usr/bin/java", "-XX:+PreserveFramePointer", "-Xshare:auto",
                         "sun.security.tools.keytool.Main", "-genkeypair", "-keyalg", "RSA",
                         "-keysize", "16384", "-dname", "CN=a", "-storepass", "password",
                         "-keystore", str(directory / "keystore")],
                oracles=("dwarf", "fp"), warm_s=4),
        Program("go", [goroutine],
                known=r"(main\.burn;(main\.recurse;){11}|(main\.recurse;){0,11})main\.run;"
                      r"runtime\.goexit|"
                      r".*runtime\.sysmon;runtime\.mstart1;runtime\.mstart0;runtime\.mstart"
                      r"(;runtime\.clone)?",
                least={r"main\.burn;(main\.recurse;){11}main\.run": 0.9}),
        # Without .debug_frame only frame pointers lead on. None leads from the thread's own stack,
        # where the runtime works, to the goroutine's: there these stacks end. And functions in
        # assembly have none, so that their callers are missing, as they are missing for perf.
        Program("gofmt", ["/usr/bin/gofmt", "-l", "-s"] + ["/usr/share/go-1.19/src"] * 50,
                frames=False, go=True, marked=True,
                roots=r"runtime\.(goexit|mstart|systemstack|mcall|morestack|newstack)$"),
    ]
