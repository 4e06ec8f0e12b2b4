# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ELF file says of a place in it: the symbol there, also out of separate debug files
(libc6-dbg), the function's extent by .eh_frame_hdr, and what a call there calls.

The reader is of its own, so that it shares no error with profd's.
"""
import bisect
import functools
import mmap
import os
import re
import struct

PT_LOAD, PT_NOTE, PT_GNU_EH_FRAME = 1, 4, 0x6474E550
SHT_SYMTAB, SHT_RELA, SHT_DYNSYM = 2, 4, 11
STT_NOTYPE, STT_FUNC, STT_IFUNC = 0, 2, 10
START_MAX = 64  # bytes of _start, which begins at the entry point
SIZELESS = 10  # bytes of a function of no size: __restore_rt has 9, and a system call at its end
R_GLOB_DAT, R_JUMP_SLOT = 6, 7
VERSION = re.compile(r"@.*|\.abi0$")  # of a symbol; of Go's calling convention
# jmp rel32, jcc rel32
JUMP = re.compile(rb"(?:\xe9|\x0f[\x80-\x8f])(?=(.{4}))", re.DOTALL)


def operand_size(modrm):
    """Bytes of an instruction from its ModRM byte on."""
    mod, memory = modrm[0] >> 6, modrm[0] & 7
    if mod == 3:
        return 1
    sib = memory == 4
    if mod == 0:
        displaced = 4 if memory == 5 or sib and len(modrm) > 1 and modrm[1] & 7 == 5 else 0
    else:
        displaced = 1 if mod == 1 else 4
    return 1 + sib + displaced


class ElfFile:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no ELF file of 64 bits")
        (self.entry, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, shstrndx) = \
            struct.unpack_from("<QQQIHHHHHH", self.data, 24)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + i * phentsize)
                         for i in range(phnum)]
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize)
                         for i in range(shnum)] if shoff else []
        self.jumps = {}  # out of functions, by where those begin
        self.names = [self.string(self.sections[shstrndx][4] + s[0]) for s in self.sections]

    def string(self, at):
        return self.data[at:self.data.find(b"\0", at)].decode()

    def section(self, name):
        return self.sections[self.names.index(name)] if name in self.names else None

    def vaddr_of(self, offset):
        """Of an offset in the file, None when it is loaded nowhere."""
        for kind, _, start, vaddr, _, size, _, _ in self.segments:
            if kind == PT_LOAD and start <= offset < start + size:
                return offset - start + vaddr
        return None

    def offset_of(self, vaddr):
        for kind, _, start, first, _, size, _, _ in self.segments:
            if kind == PT_LOAD and first <= vaddr < first + size:
                return vaddr - first + start
        return None

    @functools.cached_property
    def build_id(self):
        for kind, _, start, _, _, size, _, _ in self.segments:
            at = start
            while kind == PT_NOTE and at + 12 <= start + size:
                name, length, what = struct.unpack_from("<III", self.data, at)
                begin = at + 12 + (name + 3 & ~3)
                if what == 3 and self.data[at + 12:at + 16] == b"GNU\0":
                    return self.data[begin:begin + length].hex()
                at = begin + (length + 3 & ~3)
        return None

    def own_symbols(self):
        """Yields (vaddr, size, name, file of the name, type) of functions."""
        for section in self.sections:
            if section[1] not in (SHT_SYMTAB, SHT_DYNSYM):
                continue
            strings = self.sections[section[6]][4]
            for name, info, _, where, value, size in struct.iter_unpack(
                    "<IBBHQQ", self.data[section[4]:section[4] + section[5]]):
                if info & 15 in (STT_NOTYPE, STT_FUNC, STT_IFUNC) and where and value and name:
                    yield value, size, strings + name, self, info & 15

    @functools.cached_property
    def symbols(self):
        """Sorted; of equal places the one with a size comes last."""
        found = list(self.own_symbols())
        if self.build_id:
            debug = f"/usr/lib/debug/.build-id/{self.build_id[:2]}/{self.build_id[2:]}.debug"
            if os.path.exists(debug):
                found += elf_file(debug).own_symbols()
        return sorted(found, key=lambda s: (s[0], s[1]))

    def symbol_at(self, offset):
        """The name there, None when no symbol says so; a stub of the PLT is "plt"."""
        vaddr = self.vaddr_of(offset)
        if vaddr is None:
            return None
        if self.entry <= vaddr < self.entry + START_MAX:
            return "_start"
        for name in (".plt", ".plt.got", ".plt.sec"):
            section = self.section(name)
            if section and section[3] <= vaddr < section[3] + section[5]:
                return "plt"
        at = bisect.bisect_right(self.symbols, vaddr, key=lambda s: s[0]) - 1
        while at >= 0 and self.symbols[at][0] + START_MAX * 16384 > vaddr:
            value, size, name, file, kind = self.symbols[at]
            if size == 0 and kind == STT_FUNC:
                size = SIZELESS
            if value <= vaddr < value + size:
                return VERSION.sub("", file.string(name))
            at -= 1
        return None

    @functools.cached_property
    def functions(self):
        """Sorted (begin, end) of the functions with call frame information, as vaddr."""
        header = [s for s in self.segments if s[0] == PT_GNU_EH_FRAME]
        if not header or self.data[header[0][2] + 3] != 0x3B:  # datarel, sdata4
            return []
        start, vaddr = header[0][2], header[0][3]
        count, = struct.unpack_from("<I", self.data, start + 8)
        found = []
        for begin, fde in struct.iter_unpack("<ii", self.data[start + 12:start + 12 + 8 * count]):
            at = self.offset_of(vaddr + fde)
            size, = struct.unpack_from("<I", self.data, at + 12)  # pcrel, sdata4, as all here
            found.append((vaddr + begin, vaddr + begin + size))
        return found

    def function_at(self, offset):
        """Where the function begins, as vaddr; None outside of all."""
        vaddr = self.vaddr_of(offset)
        if vaddr is None:
            return None
        at = bisect.bisect_right(self.functions, (vaddr, 1 << 64)) - 1
        if at >= 0 and self.functions[at][0] <= vaddr < self.functions[at][1]:
            return self.functions[at][0]
        return None

    @functools.cached_property
    def slots(self):
        """Names of the functions whose addresses the dynamic linker writes, by vaddr of slot."""
        found = {}
        for section in self.sections:
            if section[1] != SHT_RELA or section[6] >= len(self.sections):
                continue
            symbols = self.sections[section[6]]
            if symbols[1] != SHT_DYNSYM:
                continue
            strings = self.sections[symbols[6]][4]
            for slot, info, _ in struct.iter_unpack(
                    "<QQq", self.data[section[4]:section[4] + section[5]]):
                if info & 0xFFFFFFFF in (R_GLOB_DAT, R_JUMP_SLOT):
                    name, = struct.unpack_from("<I", self.data,
                                               symbols[4] + 24 * (info >> 32))
                    found[slot] = self.string(strings + name)
        return found

    def call_at(self, offset):
        """The call instruction whose last byte that is: (target, slot), both vaddrs; a direct call
        has a target, one through an address in memory that is known a slot, any other neither.
        None when it is no call."""
        vaddr = self.vaddr_of(offset)
        if vaddr is None:
            return None
        code = self.data[offset - 7:offset + 1]
        if code[3] == 0xE8:
            return vaddr + 1 + struct.unpack("<i", code[4:])[0], None
        if code[2:4] == b"\xff\x15":  # call *slot(%rip)
            return None, vaddr + 1 + struct.unpack("<i", code[4:])[0]
        # ff /2 with a register, or with memory and no, 8 or 32 bits of displacement, and a SIB byte
        for at, size in ((6, 2), (5, 3), (4, 4), (2, 6), (1, 7)):
            if code[at] == 0xFF and code[at + 1] >> 3 & 7 == 2 and \
                    operand_size(code[at + 1:]) == size - 1:
                return None, None
        return None

    def slot_of_stub(self, vaddr):
        """The slot through which a stub of the PLT jumps; None when it is none."""
        at = self.offset_of(vaddr)
        if at is None:
            return None
        if self.data[at:at + 4] == b"\xf3\x0f\x1e\xfa":  # endbr64
            at += 4
        at += self.data[at] == 0xF2  # bnd
        if self.data[at:at + 2] != b"\xff\x25":  # jmp *slot(%rip)
            return None
        return self.vaddr_of(at) + 6 + struct.unpack_from("<i", self.data, at + 2)[0]

    def jumps_from(self, begin):
        """Where jumps out of a function, which begins there, may go to: what looks like one."""
        if begin not in self.jumps:
            self.jumps[begin] = list(self.find_jumps(begin))
        return self.jumps[begin]

    def find_jumps(self, begin):
        at = bisect.bisect_left(self.functions, (begin, 0))
        if at == len(self.functions) or self.functions[at][0] != begin:
            return
        end = self.functions[at][1]
        offset = self.offset_of(begin)
        for match in JUMP.finditer(self.data[offset:offset + end - begin]):
            target = begin + match.end() + 4 + struct.unpack("<i", match[1])[0]
            if not begin <= target < end and self.offset_of(target) is not None:
                yield target

    @functools.cached_property
    def exported(self):
        """Vaddrs of its symbols, by name without version."""
        found = {}
        for value, _, name, file, _ in self.symbols:
            found.setdefault(VERSION.sub("", file.string(name)), set()).add(value)
        return found

    @functools.cached_property
    def chosen_later(self):
        """Names of what is one of several functions, chosen for this CPU by code."""
        return {VERSION.sub("", file.string(name))
                for _, _, name, file, kind in self.symbols if kind == STT_IFUNC}


@functools.cache
def elf_file(path):
    return ElfFile(path)


def opened(path):
    """The file, or None for what is none: [anon], [vdso], a deleted file."""
    try:
        return elf_file(path) if path.startswith("/") else None
    except (OSError, ValueError):
        return None
