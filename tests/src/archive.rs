//! Zip archives, good and bad.
//!
//! Written by hand, since most cases are about archives that a proper library refuses to write: names that climb out,
//! wrong checksums, lengths that lie, the encryption flag, symbolic links.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};

/// One entry, with everything that can be wrong about it.
#[derive(Clone)]
pub struct Entry {
    name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    mode: u32,
    crc: u32,
    size: u32,
}

impl Entry {
    /// A stored file, mode 0644.
    pub fn file(name: &str, data: &[u8]) -> Self {
        let size = u32::try_from(data.len()).unwrap();
        Self {
            name: name.into(),
            data: data.into(),
            method: 0,
            flags: 0x800,
            mode: 0o100_644,
            crc: crc(data),
            size,
        }
    }

    /// A compressed file.
    pub fn deflated(name: &str, data: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        Self {
            data: encoder.finish().unwrap(),
            method: 8,
            ..Self::file(name, data)
        }
    }

    /// A symbolic link.
    pub fn link(name: &str, target: &str) -> Self {
        Self {
            mode: 0o120_777,
            ..Self::file(name, target.as_bytes())
        }
    }

    /// `megabytes` of zeros in about a kilobyte each.
    pub fn bomb(name: &str, megabytes: u32) -> Self {
        let zeros = vec![0; 1 << 20];
        let mut one = Vec::with_capacity(1 << 16);
        // A full flush ends the block at a byte and forgets what came before: it can be repeated as it is.
        let mut deflate = Compress::new(Compression::best(), false);
        let done = deflate.compress_vec(&zeros, &mut one, FlushCompress::Full);
        assert!(done.is_ok() && deflate.total_in() == 1 << 20);
        let mut sum = Crc::new();
        let mut piece = Crc::new();
        piece.update(&zeros);
        let mut data = Vec::new();
        for _ in 0..megabytes {
            data.extend_from_slice(&one);
            sum.combine(&piece);
        }
        data.extend_from_slice(&[3, 0]); // the last block, empty
        let (crc, size) = (sum.sum(), megabytes << 20);
        Self {
            data,
            method: 8,
            crc,
            size,
            ..Self::file(name, b"")
        }
    }

    /// Says that the entry is encrypted.
    pub fn encrypted(self) -> Self {
        Self {
            flags: self.flags | 1,
            ..self
        }
    }

    /// Spoils the checksum.
    pub fn wrong_checksum(self) -> Self {
        Self {
            crc: self.crc ^ 1,
            ..self
        }
    }

    /// Claims another size than it unpacks to.
    pub fn claiming(self, size: u32) -> Self {
        Self { size, ..self }
    }

    /// Sets the Unix mode.
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    fn common(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for short in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend_from_slice(&short.to_le_bytes());
        }
        let length = u32::try_from(self.data.len()).unwrap();
        for long in [self.crc, length, self.size] {
            bytes.extend_from_slice(&long.to_le_bytes());
        }
        bytes.extend_from_slice(&u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&0u16.to_le_bytes());
        bytes
    }
}

fn crc(data: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(data);
    sum.sum()
}

/// A whole archive.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = u32::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&entry.common());
        bytes.extend_from_slice(&entry.name);
        bytes.extend_from_slice(&entry.data);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03"); // made by version 2.0, on Unix
        directory.extend_from_slice(&entry.common());
        directory.extend_from_slice(&[0; 6]); // comment, disk, internal attributes
        directory.extend_from_slice(&(entry.mode << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&entry.name);
    }
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
    bytes.extend_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Entry, zip};

    #[test]
    fn an_empty_archive_has_22_bytes() {
        assert_eq!(zip(&[]).len(), 22);
    }

    #[test]
    fn a_bomb_unpacks_to_what_it_says() {
        let bomb = Entry::bomb("zeros", 2);
        let mut unpacked = Vec::new();
        flate2::read::DeflateDecoder::new(&bomb.data[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!((unpacked.len(), super::crc(&unpacked)), (2 << 20, bomb.crc));
    }

    #[test]
    fn an_archive_starts_and_ends_as_it_must() {
        let bytes = zip(&[Entry::file("a", b"1"), Entry::deflated("b", b"2")]);
        assert!(
            bytes.starts_with(b"PK\x03\x04")
                && bytes[bytes.len() - 22..].starts_with(b"PK\x05\x06")
        );
    }
}
