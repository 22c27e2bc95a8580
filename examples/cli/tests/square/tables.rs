//! The sample tables of an MP4 file, run by run, read without the crate under test.

use std::path::Path;

/// Tables of a track, all of them by sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub timescale: u32,
    pub durations: Vec<u32>,
    pub offsets: Vec<i32>,
    pub sizes: Vec<u32>,
    pub sync: Option<Vec<u32>>,
    /// Of the edit list: media time and rate.
    pub edits: Vec<(i64, u32)>,
}

/// The tables of all tracks.
pub fn of(path: &Path) -> Vec<Table> {
    let file = std::fs::read(path).unwrap();
    let moov = find(&file, b"moov").expect("a movie");
    boxes(moov)
        .filter(|(name, _)| name == b"trak")
        .map(|(_, trak)| {
            let mdia = find(trak, b"mdia").unwrap();
            let mdhd = find(mdia, b"mdhd").unwrap();
            let stbl = find(find(mdia, b"minf").unwrap(), b"stbl").unwrap();
            let sizes = find(stbl, b"stsz").unwrap();
            let count = int(sizes, 8) as usize;
            let runs = |name: &[u8; 4]| -> Vec<u32> {
                let table = find(stbl, name);
                table.map_or(Vec::new(), |table| {
                    let runs = table[8..].chunks_exact(8);
                    runs.flat_map(|run| vec![int(run, 4); int(run, 0) as usize])
                        .collect()
                })
            };
            Table {
                timescale: int(mdhd, if mdhd[0] == 1 { 20 } else { 12 }),
                durations: runs(b"stts"),
                offsets: runs(b"ctts").into_iter().map(u32::cast_signed).collect(),
                sizes: match int(sizes, 4) {
                    0 => (0..count).map(|n| int(sizes, 12 + 4 * n)).collect(),
                    size => vec![size; count],
                },
                sync: find(stbl, b"stss")
                    .map(|table| table[8..].chunks_exact(4).map(|n| int(n, 0)).collect()),
                edits: find(trak, b"edts").map_or(Vec::new(), |edts| {
                    let elst = find(edts, b"elst").unwrap();
                    let entry = if elst[0] == 1 { 20 } else { 12 };
                    let edits = elst[8..].chunks_exact(entry);
                    edits
                        .map(|edit| match entry {
                            20 => (
                                i64::from_be_bytes(edit[8..16].try_into().unwrap()),
                                int(edit, 16),
                            ),
                            _ => (i64::from(int(edit, 4).cast_signed()), int(edit, 8)),
                        })
                        .collect()
                }),
            }
        })
        .collect()
}

fn int(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

fn boxes(mut data: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let name = data.get(4..8)?.try_into().ok()?;
        let (head, size) = match int(data, 0) {
            0 => (8, data.len()),
            1 => (
                16,
                usize::try_from(u64::from_be_bytes(data[8..16].try_into().unwrap())).unwrap(),
            ),
            size => (8, size as usize),
        };
        let body = &data[head..size];
        data = &data[size..];
        Some((name, body))
    })
}

fn find<'a>(data: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(data)
        .find(|(found, _)| found == name)
        .map(|(_, body)| body)
}
