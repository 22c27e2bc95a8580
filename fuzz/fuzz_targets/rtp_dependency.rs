//! Dependency descriptors, each read with the structure that came last: what is read stays within bounds, and names templates that there are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::dependency::{self, Descriptor};

fuzz_target!(|data: &[u8]| {
    let mut known = None;
    let mut rest = data;
    // A length, then a descriptor.
    while let Some((&len, after)) = rest.split_first() {
        let (one, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let Ok(told) = Descriptor::parse(one, known.as_ref()) else {
            continue;
        };
        assert_eq!(dependency::frame_number(one), Some(told.frame_number));
        assert!(told.frame.frame_diffs.iter().all(|diff| *diff > 0));
        let mut renamed = one.to_vec();
        dependency::set_frame_number(&mut renamed, 77);
        let again = Descriptor::parse(&renamed, known.as_ref()).expect("only its number is another");
        assert_eq!((again.frame_number, &again.frame), (77, &told.frame));
        if let Some(structure) = told.structure {
            let targets = usize::from(structure.decode_targets);
            assert!((1..=32).contains(&targets) && (1..=64).contains(&structure.templates.len()));
            for template in &structure.templates {
                assert_eq!(template.indications.len(), targets);
            }
            known = Some(structure);
        }
    }
});
