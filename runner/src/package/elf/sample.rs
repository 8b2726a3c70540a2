//! Makes small ELF files for tests: one segment that covers the file, one dynamic section, no section headers.

/// What goes into the file. The defaults make a library of the C dialect with the entry point `invoke`.
pub(crate) struct Sample {
    pub(crate) kind: u16,
    pub(crate) class: u8,
    pub(crate) order: u8,
    pub(crate) machine: u16,
    pub(crate) functions: Vec<&'static str>,
    pub(crate) data: Vec<&'static str>,
    pub(crate) needed: Vec<&'static str>,
    /// Library, version, the symbol that wants it.
    pub(crate) versions: Vec<(&'static str, &'static str, &'static str)>,
    /// More entries of the dynamic section: tag and text.
    pub(crate) texts: Vec<(u64, String)>,
    pub(crate) flags_1: u64,
    pub(crate) interpreter: bool,
}

pub(crate) const RUNPATH: u64 = 29;
pub(crate) const RPATH: u64 = 15;
pub(crate) const SONAME: u64 = 14;
pub(crate) const HERE: u16 = if cfg!(target_arch = "aarch64") {
    183
} else {
    62
};

impl Default for Sample {
    fn default() -> Self {
        Self {
            kind: 3,
            class: 2,
            order: 1,
            machine: HERE,
            functions: vec!["action_abi_version", "invoke"],
            data: Vec::new(),
            needed: Vec::new(),
            versions: Vec::new(),
            texts: Vec::new(),
            flags_1: 0,
            interpreter: false,
        }
    }
}

/// A table of texts that hands out offsets.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        let offset = u32::try_from(self.0.len()).expect("small");
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        offset
    }
}

fn put(bytes: &mut Vec<u8>, values: &[(u64, usize)]) {
    for (value, size) in values {
        bytes.extend_from_slice(&value.to_le_bytes()[..*size]);
    }
}

fn aligned(file: &mut Vec<u8>) -> u64 {
    file.resize(file.len().next_multiple_of(8), 0);
    file.len() as u64
}

impl Sample {
    pub(crate) fn build(&self) -> Vec<u8> {
        const HEADERS: usize = 64 + 4 * 56;
        let mut strings = Strings(vec![0]);
        let mut file = vec![0; HEADERS];
        let symbols = aligned(&mut file);
        let count = self.symbols(&mut file, &mut strings);
        let hash = aligned(&mut file);
        put(&mut file, &[(1, 4), (count, 4), (0, 4)]);
        file.resize(file.len() + usize::try_from(count).expect("small") * 4, 0);
        let versym = aligned(&mut file);
        self.versym(&mut file);
        let verneed = aligned(&mut file);
        self.verneed(&mut file, &mut strings);
        let mut dynamic: Vec<(u64, u64)> = self
            .needed
            .iter()
            .map(|name| (1, strings.add(name).into()))
            .collect();
        dynamic.extend(
            self.texts
                .iter()
                .map(|(tag, text)| (*tag, strings.add(text).into())),
        );
        if !self.versions.is_empty() {
            dynamic.extend([(0x6fff_fff0, versym), (0x6fff_fffe, verneed)]);
            dynamic.push((0x6fff_ffff, self.versions.len() as u64));
        }
        let names = aligned(&mut file);
        file.extend_from_slice(&strings.0);
        dynamic.extend([
            (5, names),
            (10, strings.0.len() as u64),
            (6, symbols),
            (4, hash),
        ]);
        dynamic.extend([(0x6fff_fffb, self.flags_1), (0, 0)]);
        let start = aligned(&mut file);
        for (tag, value) in &dynamic {
            put(&mut file, &[(*tag, 8), (*value, 8)]);
        }
        let note = aligned(&mut file);
        put(
            &mut file,
            &[(4, 4), (4, 4), (3, 4), (0x0055_4e47, 4), (0xefbe_adde, 4)],
        );
        self.headers(&mut file, start, note);
        file
    }

    fn symbols(&self, file: &mut Vec<u8>, strings: &mut Strings) -> u64 {
        file.extend_from_slice(&[0; 24]);
        let mut symbol = |name: &str, info: u64, section: u64| {
            let name = strings.add(name).into();
            put(
                file,
                &[(name, 4), (info, 1), (0, 1), (section, 2), (64, 8), (8, 8)],
            );
        };
        for (_, _, wanted) in &self.versions {
            symbol(wanted, 0x12, 0);
        }
        for name in &self.functions {
            symbol(name, 0x12, 1);
        }
        for name in &self.data {
            symbol(name, 0x11, 1);
        }
        (1 + self.versions.len() + self.functions.len() + self.data.len()) as u64
    }

    fn versym(&self, file: &mut Vec<u8>) {
        put(file, &[(0, 2)]);
        for index in 0..self.versions.len() {
            put(file, &[(index as u64 + 2, 2)]);
        }
        for _ in 0..self.functions.len() + self.data.len() {
            put(file, &[(1, 2)]);
        }
    }

    fn verneed(&self, file: &mut Vec<u8>, strings: &mut Strings) {
        for (index, (library, version, _)) in self.versions.iter().enumerate() {
            let next = if index + 1 == self.versions.len() {
                0
            } else {
                32
            };
            let (library, version) = (strings.add(library).into(), strings.add(version).into());
            put(file, &[(1, 2), (1, 2), (library, 4), (16, 4), (next, 4)]);
            put(
                file,
                &[(0, 4), (0, 2), (index as u64 + 2, 2), (version, 4), (0, 4)],
            );
        }
    }

    fn headers(&self, file: &mut [u8], dynamic: u64, note: u64) {
        let size = file.len() as u64;
        let mut head = b"\x7fELF".to_vec();
        head.extend_from_slice(&[self.class, self.order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put(
            &mut head,
            &[(self.kind.into(), 2), (self.machine.into(), 2), (1, 4)],
        );
        put(
            &mut head,
            &[
                (0, 8),
                (64, 8),
                (0, 8),
                (0, 4),
                (64, 2),
                (56, 2),
                (4, 2),
                (64, 2),
                (0, 4),
            ],
        );
        let interpreter = if self.interpreter { 3 } else { 6 };
        for (kind, start, end) in [
            (1, 0, size),
            (2, dynamic, note),
            (4, note, size),
            (interpreter, 0, 8),
        ] {
            let length = end - start;
            put(
                &mut head,
                &[
                    (kind, 4),
                    (5, 4),
                    (start, 8),
                    (start, 8),
                    (start, 8),
                    (length, 8),
                    (length, 8),
                    (8, 8),
                ],
            );
        }
        if self.order == 2 {
            head.swap(16, 17);
            head.swap(18, 19);
        }
        file[..head.len()].copy_from_slice(&head);
    }
}
