//! Finds the tables of a 64-bit little-endian file by way of its dynamic section, as the loader does.

use crate::refusal::LoadRefusal;
use object::LittleEndian as LE;
use object::elf::{self, DynamicTag, FileHeader64, ProgramHeader64, Sym64};
use object::read::ReadRef;
use object::read::elf::{
    FileHeader as _, GnuHashTable, HashTable, ProgramHeader as _, SectionHeader as _, Sym as _,
};
use std::borrow::Cow;

type Header = FileHeader64<LE>;

/// Where everything is, in a file of which nothing is trusted.
pub(super) struct Tables<'data, R: ReadRef<'data>> {
    data: R,
    pub(super) size: u64,
    header: &'data Header,
    segments: &'data [ProgramHeader64<LE>],
    /// Tag and value, up to the terminating null entry.
    dynamic: Vec<(DynamicTag, u64)>,
    strings: &'data [u8],
}

/// The entries whose value is an address.
const ADDRESSES: [DynamicTag; 16] = [
    elf::DT_HASH,
    elf::DT_GNU_HASH,
    elf::DT_STRTAB,
    elf::DT_SYMTAB,
    elf::DT_VERSYM,
    elf::DT_VERNEED,
    elf::DT_VERDEF,
    elf::DT_RELA,
    elf::DT_REL,
    elf::DT_RELR,
    elf::DT_JMPREL,
    elf::DT_PLTGOT,
    elf::DT_INIT,
    elf::DT_FINI,
    elf::DT_INIT_ARRAY,
    elf::DT_FINI_ARRAY,
];

pub(super) fn damaged(why: &'static str) -> LoadRefusal {
    LoadRefusal::Damaged { why }
}

impl<'data, R: ReadRef<'data>> Tables<'data, R> {
    pub(super) fn locate(data: R) -> Result<Self, LoadRefusal> {
        let size = data
            .len()
            .map_err(|()| damaged("its size cannot be read"))?;
        let header = Header::parse(data).map_err(|_| damaged("its ELF header is invalid"))?;
        complete(header, data, size)?;
        let segments = header
            .program_headers(LE, data)
            .map_err(|_| damaged("its program headers are invalid"))?;
        let dynamic = segments
            .iter()
            .find_map(|segment| segment.dynamic(LE, data).ok().flatten());
        let dynamic = match dynamic {
            Some(dynamic) => dynamic,
            // A program that is linked statically has none, and nothing that it would lead to.
            None if header.e_type(LE) == elf::ET_EXEC => &[],
            None => return Err(damaged("it has no dynamic section")),
        };
        let dynamic: Vec<_> = dynamic
            .iter()
            .map(|entry| (entry.d_tag.get(LE), entry.d_val.get(LE)))
            .take_while(|(tag, _)| *tag != elf::DT_NULL)
            .collect();
        let mut tables = Self {
            data,
            size,
            header,
            segments,
            dynamic,
            strings: &[],
        };
        if !tables.dynamic.is_empty() {
            tables.strings = tables
                .at(elf::DT_STRTAB, tables.value(elf::DT_STRSZ))
                .ok_or_else(|| damaged("its table of names is not where it says"))?;
        }
        Ok(tables)
    }

    /// The value of the first dynamic entry with this tag.
    pub(super) fn value(&self, tag: DynamicTag) -> Option<u64> {
        let found = self.dynamic.iter().find(|(entry, _)| *entry == tag);
        found.map(|(_, value)| *value)
    }

    /// The texts of all dynamic entries with this tag.
    pub(super) fn texts(&self, tag: DynamicTag) -> Vec<String> {
        self.dynamic
            .iter()
            .filter(|(entry, _)| *entry == tag)
            .filter_map(|(_, offset)| self.string(u32::try_from(*offset).ok()?))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// The bytes of the table at the address that an entry holds: `length` of them, or all up to the next table.
    pub(super) fn at(&self, tag: DynamicTag, length: Option<u64>) -> Option<&'data [u8]> {
        let address = self.value(tag)?;
        self.segments
            .iter()
            .filter(|segment| segment.p_type(LE) == elf::PT_LOAD)
            .find_map(|segment| {
                let within = address.checked_sub(segment.p_vaddr(LE))?;
                let left = segment
                    .p_filesz(LE)
                    .checked_sub(within)
                    .filter(|left| *left > 0)?;
                let length = length.unwrap_or_else(|| {
                    let next = self.next_table(address);
                    next.map_or(left, |next| left.min(next - address))
                });
                if length > left {
                    return None;
                }
                let offset = segment.p_offset(LE).checked_add(within)?;
                self.data.read_bytes_at(offset, length).ok()
            })
    }

    /// The lowest address beyond this one at which another table begins, or code or data that the loader is told of.
    fn next_table(&self, address: u64) -> Option<u64> {
        let addresses = self
            .dynamic
            .iter()
            .filter(|(tag, _)| ADDRESSES.contains(tag));
        let beyond = addresses
            .map(|(_, value)| *value)
            .filter(|value| *value > address);
        beyond.min()
    }

    /// A text of the table of names.
    pub(super) fn string(&self, offset: u32) -> Option<&'data [u8]> {
        let rest = self.strings.get(usize::try_from(offset).ok()?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(&rest[..end])
    }

    pub(super) fn symbols(&self) -> Result<Symbols<'_, 'data, R>, LoadRefusal> {
        const SIZE: u64 = size_of::<Sym64<LE>>() as u64;
        let count = self.symbol_count().min(self.size / SIZE);
        let table = match count {
            0 => Some(&[][..]),
            _ => self.at(elf::DT_SYMTAB, count.checked_mul(SIZE)),
        };
        let count = usize::try_from(count).unwrap_or(0);
        let list = table
            .and_then(|table| table.read_slice_at(0, count).ok())
            .ok_or_else(|| damaged("its symbol table is not where it says"))?;
        Ok(Symbols { tables: self, list })
    }

    /// No entry says how many symbols there are; the hash tables do, and so does the section header.
    fn symbol_count(&self) -> u64 {
        let gnu = || {
            let table = GnuHashTable::<Header>::parse(LE, self.at(elf::DT_GNU_HASH, None)?).ok()?;
            table.symbol_table_length(LE).map(u64::from)
        };
        let sysv = || {
            let table = HashTable::<Header>::parse(LE, self.at(elf::DT_HASH, None)?).ok()?;
            Some(u64::from(table.symbol_table_length()))
        };
        let section = || {
            let sections = self.header.section_headers(LE, self.data).ok()?;
            let symbols = sections
                .iter()
                .find(|section| section.sh_type(LE) == elf::SHT_DYNSYM)?;
            Some(symbols.sh_size(LE) / size_of::<Sym64<LE>>() as u64)
        };
        gnu().or_else(sysv).or_else(section).unwrap_or(0)
    }

    /// A program that was linked as position-independent looks like a library, but for a flag or an interpreter.
    pub(super) fn is_program(&self, is_action: bool) -> bool {
        const DF_1_PIE: u64 = 0x0800_0000;
        let pie = self.value(elf::DT_FLAGS_1).unwrap_or(0) & DF_1_PIE != 0;
        let named = self.value(elf::DT_SONAME).is_some();
        self.header.e_type(LE) == elf::ET_EXEC
            || pie
            || (!is_action && !named && self.interpreter().is_some())
    }

    /// The path in the segment that asks for an interpreter.
    pub(super) fn interpreter(&self) -> Option<String> {
        let mut segments = self.segments.iter();
        let path = segments.find_map(|segment| segment.interpreter(LE, self.data).ok()?)?;
        Some(String::from_utf8_lossy(path).into_owned())
    }

    /// The linker's fingerprint of the contents, as hexadecimal digits.
    pub(super) fn build_id(&self) -> Option<String> {
        self.segments.iter().find_map(|segment| {
            let mut notes = segment.notes(LE, self.data).ok().flatten()?;
            while let Ok(Some(note)) = notes.next() {
                if note.name() == elf::ELF_NOTE_GNU && note.n_type(LE) == elf::NT_GNU_BUILD_ID {
                    let digits = note.desc().iter().take(64);
                    return Some(digits.map(|byte| format!("{byte:02x}")).collect());
                }
            }
            None
        })
    }
}

/// Is all of the file there? The section headers stand at its end, so they tell.
fn complete<'data, R: ReadRef<'data>>(
    header: &Header,
    data: R,
    size: u64,
) -> Result<(), LoadRefusal> {
    let table = |offset: u64, count: u16, entry: u16| {
        offset.saturating_add(u64::from(count) * u64::from(entry))
    };
    let programs = table(
        header.e_phoff(LE),
        header.e_phnum(LE),
        header.e_phentsize(LE),
    );
    let sections = table(
        header.e_shoff(LE),
        header.e_shnum(LE),
        header.e_shentsize(LE),
    );
    let mut needed = programs.max(sections);
    if programs <= size {
        for segment in header.program_headers(LE, data).unwrap_or(&[]) {
            if segment.p_type(LE) == elf::PT_LOAD {
                let end = segment.p_offset(LE).saturating_add(segment.p_filesz(LE));
                needed = needed.max(end);
            }
        }
    }
    if needed > size {
        return Err(LoadRefusal::Truncated {
            found: size,
            needed,
        });
    }
    Ok(())
}

/// The dynamic symbols: those the library defines and those it wants.
pub(super) struct Symbols<'t, 'data, R: ReadRef<'data>> {
    tables: &'t Tables<'data, R>,
    list: &'data [Sym64<LE>],
}

/// A symbol that others can use.
pub(super) struct Export<'data> {
    pub(super) bytes: &'data [u8],
    pub(super) is_function: bool,
}

impl Export<'_> {
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.bytes).into_owned()
    }
}

impl<'data, R: ReadRef<'data>> Symbols<'_, 'data, R> {
    pub(super) fn exports(&self) -> impl Iterator<Item = Export<'data>> {
        self.list.iter().filter_map(|symbol| {
            let visible = matches!(
                symbol.st_visibility(),
                elf::STV_DEFAULT | elf::STV_PROTECTED
            ) && matches!(
                symbol.st_bind(),
                elf::STB_GLOBAL | elf::STB_WEAK | elf::STB_GNU_UNIQUE
            ) && symbol.st_shndx(LE) != elf::SHN_UNDEF;
            let bytes = visible
                .then(|| self.tables.string(symbol.st_name(LE)))
                .flatten()?;
            let is_function = matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC);
            Some(Export { bytes, is_function })
        })
    }

    /// The symbols that somebody else must define, with their place in the table.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (usize, Cow<'data, str>)> {
        let list = self.list.iter().enumerate().skip(1);
        list.filter(|(_, symbol)| symbol.st_shndx(LE) == elf::SHN_UNDEF)
            .filter_map(|(index, symbol)| {
                let name = self.tables.string(symbol.st_name(LE))?;
                Some((index, String::from_utf8_lossy(name)))
            })
    }
}
