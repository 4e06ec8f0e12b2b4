// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * elf_frames.c - see elf_frames.h. Contents are read with pread(), of a size that was checked
 * against the file and the limit: libelf would allocate whatever a header says.
 */
#include "elf_frames.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTIONS_MAX	   65536
#define SECTION_NAME_BYTES (sizeof(".debug_frame"))
#define HDR_BYTES	   32 /* of .eh_frame_hdr: four bytes and two pointers of eight at most */
#define HDR_VERSION	   1
#define HDR_OMITTED	   0xff

ssize_t elf_frames_pread(int fd, void *ret, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)ret + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EIO;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void elf_frames_done(struct elf_frames *frames)
{
	free(frames->bytes);
	frames->bytes = NULL;
}

/* Reads size bytes of the file into *frames; they must all be there. */
static int read_bytes(int fd, uint64_t offset, uint64_t size, struct elf_frames *frames)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -EIO;
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -EBADMSG;
	if (size > CFI_SECTION_MAX)
		return -EFBIG;
	frames->bytes = malloc(size ? size : 1);
	if (!frames->bytes)
		return -ENOMEM;
	n = elf_frames_pread(fd, frames->bytes, size, offset);
	if (n < 0 || (uint64_t)n != size)
		return n < 0 ? (int)n : -EBADMSG;
	frames->section.bytes = frames->bytes;
	frames->section.size = size;
	return 0;
}

/* The section of that name with its header, or NULL. */
static Elf_Scn *find_section(Elf *elf, int fd, const char *wanted, GElf_Shdr *ret)
{
	char name[SECTION_NAME_BYTES];
	Elf_Scn *section = NULL;
	GElf_Shdr strings;
	size_t index;

	if (elf_getshdrstrndx(elf, &index) < 0 || !gelf_getshdr(elf_getscn(elf, index), &strings) ||
	    strings.sh_type != SHT_STRTAB)
		return NULL;
	for (int i = 0; i < SECTIONS_MAX && (section = elf_nextscn(elf, section)); i++) {
		size_t len = strlen(wanted) + 1;

		if (!gelf_getshdr(section, ret))
			return NULL;
		if (ret->sh_type != SHT_NULL && ret->sh_name < strings.sh_size &&
		    elf_frames_pread(fd, name, len, strings.sh_offset + ret->sh_name) ==
			    (ssize_t)len &&
		    memcmp(name, wanted, len) == 0)
			return section;
	}
	return NULL;
}

/* What .eh_frame may point relative to besides itself. Next to nothing does. */
static void find_bases(Elf *elf, int fd, struct cfi_bases *ret)
{
	GElf_Shdr header;

	if (find_section(elf, fd, ".text", &header)) {
		ret->text = header.sh_addr;
		ret->has_text = true;
	}
	if (find_section(elf, fd, ".got.plt", &header) || find_section(elf, fd, ".got", &header)) {
		ret->data = header.sh_addr;
		ret->has_data = true;
	}
}

static int read_eh_frame(Elf *elf, int fd, struct elf_frames *ret)
{
	GElf_Shdr header;

	if (!find_section(elf, fd, ".eh_frame", &header) || header.sh_type == SHT_NOBITS)
		return -ENOENT; /* NOBITS: debug information that was cut from its program */
	ret->section.vaddr = header.sh_addr;
	find_bases(elf, fd, &ret->section.bases);
	return read_bytes(fd, header.sh_offset, header.sh_size, ret);
}

/* Lets libelf inflate the section; the size that comes out of it is checked before. */
static int read_compressed(Elf_Scn *section, struct elf_frames *ret)
{
	GElf_Chdr header;
	Elf_Data *data;

	if (!gelf_getchdr(section, &header))
		return -EBADMSG;
	if (header.ch_size > CFI_SECTION_MAX)
		return -EFBIG;
	if (elf_compress(section, 0, 0) < 0)
		return -EBADMSG;
	data = elf_getdata(section, NULL);
	if (!data || !data->d_buf || data->d_size > CFI_SECTION_MAX)
		return -EBADMSG;
	ret->bytes = malloc(data->d_size ? data->d_size : 1);
	if (!ret->bytes)
		return -ENOMEM;
	memcpy(ret->bytes, data->d_buf, data->d_size);
	ret->section.bytes = ret->bytes;
	ret->section.size = data->d_size;
	return 0;
}

static int read_debug_frame(Elf *elf, int fd, struct elf_frames *ret)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(elf, fd, ".debug_frame", &header);

	if (!section || header.sh_type == SHT_NOBITS)
		return -ENOENT;
	ret->section.is_debug_frame = true;
	if (!(header.sh_flags & SHF_COMPRESSED))
		return read_bytes(fd, header.sh_offset, header.sh_size, ret);
	if (header.sh_size > CFI_SECTION_MAX)
		return -EFBIG;
	return read_compressed(section, ret);
}

static bool find_program_header(Elf *elf, GElf_Word type, uint64_t vaddr, GElf_Phdr *ret)
{
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, ret) && ret->p_type == type &&
		    (type != PT_LOAD || vaddr - ret->p_vaddr < ret->p_filesz))
			return true;
	return false;
}

/*
 * .eh_frame_hdr (LSB 5.0): version, encodings of the pointer, of the count and of the table; the
 * pointer to .eh_frame, the number of entries of the table.
 */
static int read_hdr(int fd, const GElf_Phdr *hdr, struct cfi_section *section)
{
	uint8_t bytes[HDR_BYTES] = {};
	struct dwarf_cursor c = {bytes, bytes + sizeof(bytes), false};
	struct cfi_bases bases = {.data = hdr->p_vaddr, .has_data = true};
	uint8_t encoding, count_encoding;
	ssize_t n = elf_frames_pread(fd, bytes, sizeof(bytes), hdr->p_offset);

	if (n < 0)
		return (int)n;
	c.end = bytes + n;
	if (dwarf_u8(&c) != HDR_VERSION)
		return -EBADMSG;
	encoding = dwarf_u8(&c);
	count_encoding = dwarf_u8(&c);
	dwarf_skip(&c, 1);
	if (!cfi_read_pointer(&c, encoding, hdr->p_vaddr + 4, &bases, &section->vaddr))
		return -EBADMSG;
	section->is_open_ended = true;
	if (count_encoding != HDR_OMITTED &&
	    !cfi_read_pointer(&c, count_encoding, 0, &bases, &section->n_fdes_min))
		return -EBADMSG;
	return 0;
}

static int read_through_hdr(Elf *elf, int fd, struct elf_frames *ret)
{
	GElf_Phdr program, load;
	GElf_Shdr header;
	uint64_t skip;
	int r;

	if (find_section(elf, fd, ".eh_frame", &header) ||
	    !find_program_header(elf, PT_GNU_EH_FRAME, 0, &program))
		return -ENOENT;
	r = read_hdr(fd, &program, &ret->section);
	if (r < 0)
		return r;
	if (!find_program_header(elf, PT_LOAD, ret->section.vaddr, &load))
		return -EBADMSG;
	skip = ret->section.vaddr - load.p_vaddr;
	if (__builtin_add_overflow(load.p_offset, skip, &load.p_offset))
		return -EBADMSG;
	return read_bytes(fd, load.p_offset, load.p_filesz - skip, ret);
}

int elf_frames_read(Elf *elf, int fd, enum unwind_source source, struct elf_frames *ret)
{
	int r = -ENOENT;

	*ret = (struct elf_frames){};
	if (source == UNWIND_SOURCE_EH_FRAME)
		r = read_eh_frame(elf, fd, ret);
	else if (source == UNWIND_SOURCE_EH_FRAME_HDR)
		r = read_through_hdr(elf, fd, ret);
	else if (source == UNWIND_SOURCE_DEBUG_FRAME)
		r = read_debug_frame(elf, fd, ret);
	if (r < 0)
		elf_frames_done(ret);
	return r;
}
